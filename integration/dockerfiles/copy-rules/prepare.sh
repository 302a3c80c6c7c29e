# Makes the context; runs in a copy of this directory.
set -e
echo one > one.txt; echo two > two.txt; echo a > a.cfg; echo c > c.cfg; echo 'blank' > 'white space.txt'
mkdir -p dir/sub/more links modes empty ignored deep/x/y deep/z trailing other/rooted-only
echo f > dir/f; echo h > dir/.hidden; echo s > dir/sub/s; echo m > dir/sub/more/m; echo b > dir/sub/b.bak
echo 1 > dir/sub/skip1.dat; echo 12 > dir/sub/skip12.dat
echo x > ignored/x; echo t > a.tmp; echo i > important.tmp; echo r > rooted-only; echo r > other/rooted-only/file; echo t > trailing/t
echo l > deep/x/y/leaf.txt; echo l > deep/z/leaf.txt; echo l > deep/leaf.txt; echo k > deep/z/kept
ln -s ../one.txt links/to-file; ln -s ../dir links/to-dir; ln -s nowhere links/dangling; ln -s /etc/passwd links/absolute
echo same > links/hard1; ln links/hard1 links/hard2
echo x > modes/exec; chmod 755 modes/exec; echo s > modes/suid; chmod 4711 modes/suid; echo p > modes/private; chmod 600 modes/private
mkdir modes/sticky; chmod 1777 modes/sticky; chown 33:44 modes/exec
