# Makes what the Dockerfile adds; runs in a copy of this directory.
set -e
mkdir -p p/bin p/etc p/share/deep tree/empty
echo '#!/bin/sh' > p/bin/tool && chmod 4755 p/bin/tool
echo setting > p/etc/tool.conf && chmod 640 p/etc/tool.conf
ln -s ../bin/tool p/etc/link && ln -s /absolute/nowhere p/etc/dangling
ln p/etc/tool.conf p/share/same
echo deep > p/share/deep/file
mknod p/share/pipe p
chown -R 1234:2345 p/etc && chmod 1777 p/share && chmod 700 p/share/deep
tar -C p --numeric-owner -cf plain.tar .
tar -C p --numeric-owner -czf packed.tar.gz bin etc share
tar -C p --numeric-owner -cjf packed.tar.bz2 bin etc
tar -C p --numeric-owner -cJf packed.tar.xz bin share
cp packed.tar.gz misnamed.txt
echo 'only text' | gzip -n > text.gz
cp plain.tar tree/inside.tar
echo spaces > 'with space.txt'
rm -rf p
