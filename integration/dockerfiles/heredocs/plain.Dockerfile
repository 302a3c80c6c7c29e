# What heredocs must give, without them.
FROM busybox
ARG NAME=world
RUN mkdir -p /made/by && echo 'one script for world' > /made/by/script
RUN echo 'tabs are cut' > /made/tabs && echo nested >> /made/tabs
RUN echo 'goes to cat, world' > /made/stdin && echo after > /made/after
RUN echo shebang > /made/shebang
RUN mkdir -p /usr/share/web && echo 'User-agent: *' > /usr/share/web/robots.txt && echo 'we are the world' > /usr/share/web/humans.txt
RUN mkdir -p /usr/local/bin && printf '#!/bin/sh\necho $NAME is not expanded\n' > /usr/local/bin/run && chmod 755 /usr/local/bin/run && chown -R 1:2 /usr/local
RUN printf 'name = world\nquoted = $NAME\n' > /etc/app.conf && echo added > /etc/added
RUN echo alone > /network
