# What the checked download must give.
FROM busybox
RUN printf 'served = true\n' > /etc/app.conf && chmod 600 /etc/app.conf && cp /etc/app.conf /usr/bin/app && chmod 755 /usr/bin/app
