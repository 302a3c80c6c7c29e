package daemon

import (
	"encoding/json"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// The documents that clients send to these jobs. Whatever is in them is taken or
// refused as the fault of the client, and what is taken can be kept on disk.

func clientsFault(err error) bool {
	switch errdefs.KindOf(err) {
	case errdefs.KindInvalidArgument, errdefs.KindNotFound, errdefs.KindConflict, errdefs.KindForbidden, errdefs.KindNotImplemented:
		return true
	}
	return false
}

func FuzzCreateDocuments(f *testing.F) {
	for _, host := range []string{
		`{}`, `null`, `{"Memory":-1}`, `{"Binds":["/a:/b:ro","c:/d"],"Tmpfs":{"/t":"size=1m"}}`, `{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"Subpath":"a"}}]}`,
		`{"Mounts":[{"Type":"tmpfs","Target":"/x","TmpfsOptions":{"SizeBytes":5,"Options":[["exec"],["a","b"]]}}]}`, `{"PortBindings":{"80-82/udp":[{"HostIp":"::1","HostPort":"1-3"}]}}`,
		`{"Devices":[{"PathOnHost":"/dev/null","PathInContainer":"x","CgroupPermissions":"rwm"}],"DeviceCgroupRules":["c *:* r"],"DeviceRequests":[{"Count":-1}]}`,
		`{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":-1},"Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}]}`, `{"Links":["a:b"],"VolumesFrom":["x:ro"],"ExtraHosts":["a:::1"]}`,
		`{"NetworkMode":"container:x","IpcMode":"shareable","PidMode":"host","UTSMode":"host","CgroupnsMode":"private"}`, `{"CpusetCpus":"0-3,5","CpusetMems":"0","NanoCpus":1}`,
		`{"LogConfig":{"Type":"json-file","Config":{"max-size":"1m","max-file":"2"}},"Sysctls":{"net.ipv4.ip_forward":"1"},"SecurityOpt":["no-new-privileges"]}`,
		`{"CapAdd":["ALL"],"CapDrop":"NET_RAW","BlkioWeightDevice":[{"Path":"/dev/sda","Weight":10}],"MaskedPaths":[],"ReadonlyPaths":null,"ShmSize":-1}`,
	} {
		f.Add(`{"Image":"busybox","Cmd":["true"]}`, host, `{}`)
	}
	for _, config := range []string{
		`{"Image":"busybox","Cmd":"true","Env":["A=1","B"],"ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}}}`, `{"Image":"busybox","Healthcheck":{"Test":["CMD","x"],"Interval":1000000,"Retries":-1}}`,
		`{"Image":"busybox","Entrypoint":[""],"WorkingDir":"/a/../b","User":"a:b","StopSignal":"RTMIN+1","StopTimeout":-1}`, `{"Image":"busybox","Hostname":"h","Domainname":"d","MacAddress":"02:42:00:00:00:01"}`, `null`, `[]`,
	} {
		f.Add(config, `{}`, `{"EndpointsConfig":{"n":{"IPAMConfig":{"IPv4Address":"10.0.0.2"},"Aliases":["a"],"DriverOpts":{"a":"b"}}}}`)
	}
	daemon := setup(f)
	f.Fuzz(func(t *testing.T, config, host, networking string) {
		job := daemon.eng.Job("create")
		job.Setenv("Config", config)
		job.Setenv("HostConfig", host)
		job.Setenv("NetworkingConfig", networking)
		opt, err := decodeCreate(job)
		if err != nil {
			if !clientsFault(err) {
				t.Errorf("decoding: %v", err)
			}
			return
		}
		s, _, err := daemon.plan(t.Context(), opt, daemon.images.img)
		if err != nil {
			if !clientsFault(err) {
				t.Errorf("%s %s %s: %v", config, host, networking, err)
			}
			return
		}
		for _, document := range []any{s.rec, s.host} {
			if _, err := json.Marshal(document); err != nil {
				t.Errorf("%s %s: %v", config, host, err)
			}
		}
	})
}

func FuzzUpdateDocument(f *testing.F) {
	for _, text := range []string{`{}`, `null`, `{"Memory":67108864,"MemorySwap":-1}`, `{"RestartPolicy":{"Name":"always"}}`, `{"NanoCpus":1,"CpuQuota":5}`, `{"PidsLimit":-1,"BlkioWeight":10,"CpusetCpus":"0"}`} {
		f.Add(text)
	}
	daemon := setup(f)
	daemon.create("box", "true")
	f.Fuzz(func(t *testing.T, text string) {
		job := daemon.eng.Job("container_update", "box")
		job.Setenv("UpdateConfig", text)
		opt, err := decodeUpdate(job)
		if err == nil {
			opt.Name = "box"
			_, err = daemon.Update(t.Context(), opt, job.Phase)
		}
		if err != nil && !clientsFault(err) {
			t.Errorf("%s: %v", text, err)
		}
	})
}

func FuzzExecDocument(f *testing.F) {
	for _, s := range [][5]string{{`["true"]`, `["A=1"]`, "root:0", "/x", "ctrl-p,q"}, {`""`, `null`, "", "x", "a,"}, {`["a"]`, `["=x"]`, "\xff", "/", "ctrl-@"}} {
		f.Add(s[0], s[1], s[2], s[3], s[4], `[1,2]`)
	}
	daemon := setup(f)
	f.Fuzz(func(t *testing.T, cmd, env, user, dir, keys, size string) {
		job := daemon.eng.Job("exec_create", "box")
		for name, value := range map[string]string{"Cmd": cmd, "Env": env, "User": user, "WorkingDir": dir, "DetachKeys": keys, "ConsoleSize": size} {
			job.Setenv(name, value)
		}
		p, err := decodeExecCreate(job)
		if err == nil {
			err = p.check()
		}
		if err == nil && p.line() == "" {
			t.Errorf("%q is no command", p.Cmd)
		}
		if err != nil && !clientsFault(err) {
			t.Errorf("%v", err)
		}
	})
}
