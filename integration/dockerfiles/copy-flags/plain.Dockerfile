# What the flags must give, without them.
FROM busybox
RUN mkdir -p /linked/dir /linked/out/a/b /linked/out/c /parents/tree/sub /pivot/sub /parents-from/out/a/b /excluded /excluded-from/a/b /excluded-from/c /added-link
COPY file.txt /octal
COPY tree /tree-octal
COPY file.txt /linked/dir/file.txt
COPY tree/sub/deep.txt /parents/tree/sub/
COPY tree/top.txt /parents/tree/
COPY tree/sub/deep.txt /pivot/sub/
COPY tree/top.txt /excluded/
COPY file.txt /added
COPY file.txt /added-link/
RUN chmod 640 /octal && chmod -R 755 /tree-octal && chown 3:4 /added && chmod 600 /added \
    && echo 1 > /linked/out/a/b/1 && echo 2 > /linked/out/c/2 && echo 3 > /linked/out/c/3.tmp && chown 1000:1000 /linked && chown -R 1000:1000 /linked/out \
    && echo 1 > /parents-from/out/a/b/1 \
    && echo 1 > /excluded-from/a/b/1 && echo 2 > /excluded-from/c/2
