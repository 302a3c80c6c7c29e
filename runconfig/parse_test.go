package runconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/google/go-cmp/cmp"
)

func testEnv(key string) (string, bool) {
	v, ok := map[string]string{"HOME": "/root", "EMPTY": ""}[key]
	return v, ok
}

// parse runs a whole command line: words split at blanks, "_" is an empty word
// and "~" within a word a blank.
func parse(line string) (*Parsed, error) {
	var f Flags
	set := new(mflag.Set)
	f.Declare(set)
	words := strings.Fields(line)
	for i, w := range words {
		words[i] = strings.ReplaceAll(strings.TrimPrefix(w, "_"), "~", " ")
	}
	if err := set.Parse(words); err != nil {
		return nil, err
	}
	return f.Parse(set.Args(), testEnv)
}

// changed lists, as JSON, the members in which a differs from b.
func changed(t *testing.T, a, b any) map[string]any {
	t.Helper()
	var ma, mb map[string]any
	for _, p := range []struct {
		from any
		to   *map[string]any
	}{{a, &ma}, {b, &mb}} {
		text, err := json.Marshal(p.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, p.to); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range mb {
		if cmp.Equal(ma[k], v) {
			delete(ma, k)
		}
	}
	return ma
}

func TestParseFlags(t *testing.T) {
	base, err := parse("img")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ line, config, host string }{
		{"img", `{}`, `{}`},
		{"img cmd -a --rm", `{"Cmd":["cmd","-a","--rm"]}`, `{}`},
		{"-i img", `{"OpenStdin":true,"AttachStdin":true,"StdinOnce":true}`, `{}`},
		{"-it img", `{"OpenStdin":true,"AttachStdin":true,"StdinOnce":true,"Tty":true}`, `{}`},
		{"-a stdin -i img", `{"OpenStdin":true,"AttachStdin":true,"StdinOnce":true,"AttachStdout":false,"AttachStderr":false}`, `{}`},
		{"-a STDERR img", `{"AttachStdout":false}`, `{}`},
		{"-h web.example.org img", `{"Hostname":"web","Domainname":"example.org"}`, `{}`},
		{"-h web --domainname d.org img", `{"Hostname":"web","Domainname":"d.org"}`, `{}`},
		{"-u 1:2 -w /x img", `{"User":"1:2","WorkingDir":"/x"}`, `{}`},
		{"--entrypoint /bin/x img a", `{"Entrypoint":["/bin/x"],"Cmd":["a"]}`, `{}`},
		{"-e A=b=c -e HOME -e NONE -e EMPTY -eX=1 img", `{"Env":["A=b=c","HOME=/root","NONE","EMPTY=","X=1"]}`, `{}`},
		{"-l a=b --label c img", `{"Labels":{"a":"b","c":""}}`, `{}`},
		{"--stop-signal INT --stop-timeout 3 img", `{"StopSignal":"INT","StopTimeout":3}`, `{}`},
		{"--init img", `{}`, `{"Init":true}`},
		{"--init=false img", `{}`, `{"Init":false}`},
		{"-v /data/ -v /h:/c/:ro -v name:/n img", `{"Volumes":{"/data":{}}}`, `{"Binds":["/h:/c:ro","name:/n"]}`},
		{"--volumes-from a --volumes-from b:ro img", `{}`, `{"VolumesFrom":["a","b:ro"]}`},
		{"-volumes-from a img", `{}`, `{"VolumesFrom":["a"]}`},
		{"--tmpfs /run --tmpfs /tmp/:size=1m img", `{}`, `{"Tmpfs":{"/run":"","/tmp":"size=1m"}}`},
		{"--shm-size 1m --read-only --privileged img", `{}`, `{"ShmSize":1048576,"ReadonlyRootfs":true,"Privileged":true}`},
		{"--mount type=bind,src=/a,dst=/b,ro img", `{}`, `{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true}]}`},
		{"--mount type=bind,src=/a,dst=/b,ro,bind-recursive=writable img", `{}`,
			`{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":true}}]}`},
		{"--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rprivate,bind-recursive=readonly img", `{}`,
			`{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,"BindOptions":{"Propagation":"rprivate","ReadOnlyForceRecursive":true}}]}`},
		{"--mount type=bind,src=/a,dst=/b,bind-recursive=disabled img", `{}`,
			`{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{"NonRecursive":true}}]}`},
		{`--mount type=tmpfs,target=/t,tmpfs-options=exec img`, `{}`,
			`{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"Options":[["exec"]]}}]}`},
		{"--mount type=tmpfs,target=/t,tmpfs-size=1k,tmpfs-mode=1777 img", `{}`,
			`{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1024,"Mode":1023}}]}`},
		{"--mount type=image,src=data:v1,dst=/t,image-subpath=a/b img", `{}`,
			`{"Mounts":[{"Type":"image","Source":"data:v1","Target":"/t","ImageOptions":{"Subpath":"a/b"}}]}`},
		{"--mount source=v,target=/t,volume-nocopy,volume-opt=a=b img", `{}`,
			`{"Mounts":[{"Type":"volume","Source":"v","Target":"/t","VolumeOptions":{"NoCopy":true,"DriverConfig":{"Options":{"a":"b"}}}}]}`},
		{"-p 80 img", `{"ExposedPorts":{"80/tcp":{}}}`, `{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":""}]}}`},
		{"-p80:81 img", `{"ExposedPorts":{"81/tcp":{}}}`, `{"PortBindings":{"81/tcp":[{"HostIp":"","HostPort":"80"}]}}`},
		{"-p 127.0.0.1::53/udp img", `{"ExposedPorts":{"53/udp":{}}}`, `{"PortBindings":{"53/udp":[{"HostIp":"127.0.0.1","HostPort":""}]}}`},
		{"-p 1:2 -p 3:2 img", `{"ExposedPorts":{"2/tcp":{}}}`, `{"PortBindings":{"2/tcp":[{"HostIp":"","HostPort":"1"},{"HostIp":"","HostPort":"3"}]}}`},
		{"-p 8000-8001:80-81 img", `{"ExposedPorts":{"80/tcp":{},"81/tcp":{}}}`,
			`{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8000"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]}}`},
		{"-p 8000-8010:80 img", `{"ExposedPorts":{"80/tcp":{}}}`, `{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8000-8010"}]}}`},
		{"-p [::1]:5:6 img", `{"ExposedPorts":{"6/tcp":{}}}`, `{"PortBindings":{"6/tcp":[{"HostIp":"::1","HostPort":"5"}]}}`},
		{"-P --expose 5 --expose 7-8/udp img", `{"ExposedPorts":{"5/tcp":{},"7/udp":{},"8/udp":{}}}`, `{"PublishAllPorts":true}`},
		{"--net host img", `{}`, `{"NetworkMode":"host"}`},
		{"--network none -h x img", `{"Hostname":"x"}`, `{"NetworkMode":"none"}`},
		{"--net container:c img", `{}`, `{"NetworkMode":"container:c"}`},
		{"-n=false img", `{"NetworkDisabled":true}`, `{}`},
		{"--mac-address 02:42:ac:11:00:02 img", `{"MacAddress":"02:42:ac:11:00:02"}`, `{}`},
		{"--dns 8.8.8.8 --dns ::1 --dns-search . --dns-opt ndots:2 img", `{}`,
			`{"Dns":["8.8.8.8","::1"],"DnsSearch":["."],"DnsOptions":["ndots:2"]}`},
		{"--add-host a:1.2.3.4 --add-host b:::1 --link c:d img", `{}`, `{"ExtraHosts":["a:1.2.3.4","b:::1"],"Links":["c:d"]}`},
		{"-m 512m --memory-swap -1 -c 5 --cpuset 0-1 img", `{}`, `{"Memory":536870912,"MemorySwap":-1,"CpuShares":5,"CpusetCpus":"0-1"}`},
		{"-m1g --memory-swap=2G --cpus 1.5 --pids-limit -1 img", `{}`,
			`{"Memory":1073741824,"MemorySwap":2147483648,"NanoCpus":1500000000,"PidsLimit":-1}`},
		{"--ulimit nofile=10:20 --oom-score-adj -5 --oom-kill-disable img", `{}`,
			`{"Ulimits":[{"Name":"nofile","Hard":20,"Soft":10}],"OomScoreAdj":-5,"OomKillDisable":true}`},
		{"--device /dev/a --device /dev/b:/dev/c:r --device /dev/d:rw img", `{}`, `{"Devices":[` +
			`{"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"rwm"},` +
			`{"PathOnHost":"/dev/b","PathInContainer":"/dev/c","CgroupPermissions":"r"},` +
			`{"PathOnHost":"/dev/d","PathInContainer":"/dev/d","CgroupPermissions":"rw"}]}`},
		{"--device-read-bps /dev/sda:1m --blkio-weight 10 img", `{}`,
			`{"BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1048576}],"BlkioWeight":10}`},
		{"--cap-add NET_ADMIN --cap-drop ALL --group-add 5 img", `{}`, `{"CapAdd":["NET_ADMIN"],"CapDrop":["ALL"],"GroupAdd":["5"]}`},
		{"--security-opt label:disable --sysctl net.x=1 img", `{}`, `{"SecurityOpt":["label:disable"],"Sysctls":{"net.x":"1"}}`},
		{"--lxc-conf lxc.a~=~b img", `{}`, `{"LxcConf":[{"Key":"lxc.a","Value":"b"}]}`},
		{"--ipc host --pid container:x --uts host img", `{}`, `{"IpcMode":"host","PidMode":"container:x","UTSMode":"host"}`},
		{"--restart on-failure:3 img", `{}`, `{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}}`},
		{"--restart no --rm img", `{}`, `{"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true}`},
		{"--log-driver none img", `{}`, `{"LogConfig":{"Type":"none","Config":null}}`},
		{"--cidfile /x img", `{}`, `{"ContainerIDFile":"/x"}`},
		{"--health-cmd true --health-interval 2s img", `{"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":2000000000}}`, `{}`},
		{"--no-healthcheck img", `{"Healthcheck":{"Test":["NONE"]}}`, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			p, err := parse(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				want     string
				got, bas any
			}{{tt.config, p.Config, base.Config}, {tt.host, p.HostConfig, base.HostConfig}} {
				var want map[string]any
				if err := json.Unmarshal([]byte(c.want), &want); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, changed(t, c.got, c.bas)); diff != "" {
					t.Errorf("%T (-want +got):\n%s", c.got, diff)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{"-a foo img", `invalid value "foo" for flag -a: valid streams are STDIN, STDOUT and STDERR.`},
		{"-v a:b:c:d img", `invalid value "a:b:c:d" for flag -v: bad format for volumes: a:b:c:d`},
		{"-v /h:rel img", `invalid value "/h:rel" for flag -v: rel is not an absolute path`},
		{"-v rel img", `invalid value "rel" for flag -v: rel is not an absolute path`},
		{"-v / img", `invalid value "/" for flag -v: Invalid volume: path can't be '/'`},
		{"--volume /a:// img", `invalid value "/a://" for flag --volume: Invalid bind mount: destination can't be '/'`},
		{"-p 80: img", "No port specified: 80:<empty>"},
		{"-p x img", "Invalid containerPort: x"},
		{"-p 70000 img", "Invalid containerPort: 70000"},
		{"-p x:80 img", "Invalid hostPort: x"},
		{"-p 80/icmp img", "Invalid proto: icmp"},
		{"-p foo:1:2 img", "Invalid ip address: foo"},
		{"-p 1-2:1-3 img", "Invalid ranges specified for container and host Ports: 1-3 and 1-2"},
		{"-p 1:2:3:4 img", "Invalid format to parse.  1:2:3:4 should match template ip:hostPort:containerPort"},
		{"--expose 1:2 img", "Invalid port format for --expose: 1:2"},
		{"--expose 5-2 img", "Invalid range format for --expose: 5-2, error: the range 5-2 ends before it starts"},
		{"--link a img", `invalid value "a" for flag --link: Invalid format to parse.  a should match template name:alias`},
		{"--link a:b:c img", `invalid value "a:b:c" for flag --link: Invalid format to parse.  a:b:c should match template name:alias`},
		{"-m 5x img", "invalid size: '5x'"},
		{"-m -5 img", "invalid size: '-5'"},
		{"--shm-size 1.2.3 img", "invalid size: '1.2.3'"},
		{"-w rel img", "The working directory is invalid. It needs to be an absolute path."},
		{"--net f:g img", "--net: invalid net mode: invalid --net: f:g"},
		{"--net container: img", "--net: invalid net mode: invalid container format container:<name|id>"},
		{"--ipc x img", "--ipc: invalid IPC mode"},
		{"--pid container: img", "--pid: invalid PID mode"},
		{"--dns x img", `invalid value "x" for flag --dns: x is not an ip address`},
		{"--dns-search 1.2 img", `invalid value "1.2" for flag --dns-search: 1.2 is not a valid domain`},
		{"--add-host x img", `invalid value "x" for flag --add-host: bad format for add-host: x`},
		{"--add-host x:1.2.3.4:5 img", `invalid value "x:1.2.3.4:5" for flag --add-host: bad format for add-host: x:1.2.3.4:5`},
		{"--device a:b:c:d img", "Invalid device specification: a:b:c:d"},
		{"--device a:b img", "b is not an absolute path"},
		{"--device /a:/b:rr img", "Invalid device specification: /a:/b:rr"},
		{"--restart x img", "invalid restart policy x"},
		{"--restart always:3 img", `maximum restart count not valid with restart policy of "always"`},
		{"--restart on-failure:x img", `strconv.Atoi: parsing "x": invalid syntax`},
		{"--restart always --rm img", "Conflicting options: --restart and --rm"},
		{"--lxc-conf x img", "Unable to parse key/value option: x"},
		{"-h x --net host img", "Conflicting options: -h and the network mode (--net)"},
		{"-h x --net container:y img", "Conflicting options: -h and the network mode (--net)"},
		{"--link a:b --net host img", "Conflicting options: --net=host can't be used with links. This would result in undefined behavior."},
		{"--dns 1.1.1.1 --net host img", "Conflicting options: --net=host can't be used with --dns. This configuration is invalid."},
		{"-e =x img", `invalid value "=x" for flag -e: invalid environment variable: =x`},
		{"--env-file /nonexistent img", "open /nonexistent: no such file or directory"},
		{"--mount type=bind,target=/x img", `invalid mount "type=bind,target=/x": source is required for type bind`},
		{"--mount type=bind,src=/a,target=/x,bind-recursive=writable img",
			`option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction`},
		{"--mount type=bind,src=/a,target=/x,ro,bind-recursive=readonly img",
			`option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction`},
		{"--mount type=bind,src=/a,target=/x,bind-recursive=maybe img",
			`invalid mount "type=bind,src=/a,target=/x,bind-recursive=maybe": invalid value for bind-recursive: maybe (must be "enabled", "disabled", "writable", or "readonly")`},
		{"--mount type=x img", `invalid mount "type=x": unknown type x`},
		{"--mount foo img", `invalid mount "foo": field "foo" is not key=value`},
		{"--ulimit x=1 img", "invalid ulimit type: x"},
		{"--cpus 1e9 img", `invalid number of CPUs "1e9": it is a decimal number with at most nine places`},
		{"--memory-swappiness 101 img", "invalid value: 101. Valid memory swappiness range is 0-100"},
		{"--no-healthcheck --health-cmd x img", "--no-healthcheck conflicts with --health-* options"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			if _, err := parse(tt.line); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestEnvFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "env")
	text := "# c\n\n  A=1 \nB\nHOME\n\tC= x=y\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := parse("-e A=2 --env-file " + name + " img")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"A=1 ", "B=", "HOME=/root", "C= x=y", "A=2"}
	if diff := cmp.Diff(want, p.Config.Env); diff != "" {
		t.Error(diff)
	}
	_, err = ReadEnvFile(strings.NewReader("A B=1\n"), testEnv)
	if err == nil || err.Error() != "poorly formatted environment: variable 'A B' has white spaces" {
		t.Errorf("got %v", err)
	}
}

func TestDetach(t *testing.T) {
	p, err := parse("-i img")
	if err != nil {
		t.Fatal(err)
	}
	p.Detach()
	c := p.Config
	if c.AttachStdin || c.AttachStdout || c.AttachStderr || c.StdinOnce || !c.OpenStdin {
		t.Errorf("got %+v", c)
	}
}

func FuzzParsePublish(f *testing.F) {
	for _, s := range []string{"80", "1.2.3.4:5-6:7-8/udp", "[::1]:1:2", ":::", "1-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParsePublish(text)
		if err == nil && len(list) == 0 {
			t.Error("no error and no port")
		}
		_, _ = ParseExpose(text)
		for _, p := range list {
			if n, _ := p.Port.Split(); n == 0 {
				t.Errorf("port %q", p.Port)
			}
		}
	})
}

func FuzzParseMount(f *testing.F) {
	f.Add("type=bind,src=/a,dst=/b,ro=true")
	f.Add(`"a`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ParseMount(text) })
}

func FuzzVolumeAndEnv(f *testing.F) {
	f.Add("/a:/b:ro", "A=b\n#\nC")
	f.Fuzz(func(t *testing.T, volume, env string) {
		if v, err := checkVolume(volume); err == nil {
			if again, err := checkVolume(v); err != nil || again != v {
				t.Errorf("%q became %q, then %q, %v", volume, v, again, err)
			}
		}
		_, _ = ReadEnvFile(strings.NewReader(env), testEnv)
		_, _ = ParseDevice(volume)
		_, _ = ParseSize(volume)
		_, _ = parseCPUs(volume)
	})
}
