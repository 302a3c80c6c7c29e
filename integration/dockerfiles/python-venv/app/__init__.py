def main():
    print("hello from a virtual environment")
