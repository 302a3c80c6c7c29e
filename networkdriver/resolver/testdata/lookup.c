// lookup prints what the C library finds for names, or the name of an address.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
		char text[1024];
		int err = getaddrinfo(argv[i], 0, &hints, &list);
		if (err) {
			printf("%s: %s\n", argv[i], gai_strerror(err));
			continue;
		}
		for (struct addrinfo *a = list; a; a = a->ai_next) {
			getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
			printf("%s %s", argv[i], text);
			if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, 0, 0, NI_NAMEREQD))
				printf(" %s", text);
			printf("\n");
		}
		freeaddrinfo(list);
	}
	return 0;
}
