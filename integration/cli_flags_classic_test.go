package integration

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// classicFlags are the flags of the commands as of 1.5, with all their
// spellings, and those that came until 17.03. Values are samples.
var classicFlags = map[string]string{
	"attach":  "--no-stdin --sig-proxy=false -nostdin -sig-proxy --detach-keys=ctrl-a",
	"build":   "-t=a --tag=b -q --quiet --no-cache -no-cache --rm -rm --force-rm --pull -f=Dockerfile --file=x --build-arg=A=1 --cache-from=x --cgroup-parent=x --compress --cpu-period=1000 --cpu-quota=1000 -c=1 --cpu-shares=1 --cpuset-cpus=0 --cpuset-mems=0 --disable-content-trust --isolation=default --label=a=b -m=1g --memory=1g --memory-swap=-1 --network=none --security-opt=x --shm-size=1m --squash --ulimit=nofile=1",
	"commit":  "-m=x --message=x -a=x --author=x -p --pause=false -run={} --run={} -c=ENV --change=ENV",
	"cp":      "-L --follow-link",
	"events":  "--since=1 --until=2 -since=1 -f=event=start --filter=event=stop --format={{.ID}}",
	"exec":    "-d --detach -i --interactive -t --tty --detach-keys=ctrl-a -e=A=1 --env=A=1 --privileged -u=1 --user=1",
	"export":  "-o=x --output=x",
	"history": "-q --quiet --no-trunc -notrunc -H --human",
	"images":  "-a --all -q --quiet --no-trunc -notrunc -f=dangling=true --filter=dangling=false --viz -v -viz --tree -t -tree --digests --format=x",
	"import":  "-c=CMD --change=CMD -m=x --message=x",
	"info":    "-f=x --format=x",
	"inspect": "-f=x --format=x -format=x --type=image -s --size",
	"kill":    "-s=HUP --signal=HUP",
	"load":    "-i=x --input=x -q --quiet",
	"login":   "-u=x --username=x -p=x --password=x -e=x --email=x",
	"logs":    "-f --follow -t --timestamps --tail=1 --details --since=1",
	"ps":      "-a --all -q --quiet -s --size --no-trunc -notrunc -l --latest -n=1 --last=1 --since=x -sinceId=x --since-id=x --before=x -beforeId=x --before-id=x -f=status=exited --filter=id=a --format=x",
	"pull":    "-a --all-tags -t=x --disable-content-trust",
	"push":    "--disable-content-trust",
	"restart": "-t=1 --time=1",
	"rm":      "-v --volumes -l --link -link -f --force",
	"rmi":     "-f --force --no-prune",
	"save":    "-o=x --output=x",
	"search":  "--no-trunc -notrunc --automated -s=1 --stars=1 -stars=1 --trusted -trusted -t -f=stars=1 --filter=stars=2 --limit=25",
	"start":   "-a --attach -i --interactive --detach-keys=ctrl-a --checkpoint=x --checkpoint-dir=x",
	"stats":   "-a --all --no-stream --format=x",
	"stop":    "-t=1 --time=1",
	"tag":     "-f --force -force",
	"update":  "--blkio-weight=10 --cpu-period=1000 --cpu-quota=1000 --cpu-rt-period=1000 --cpu-rt-runtime=100 -c=1 --cpu-shares=1 --cpuset-cpus=0 --cpuset-mems=0 --kernel-memory=1g -m=1g --memory=1g --memory-reservation=1g --memory-swap=-1 --restart=no",
	"version": "-f=x --format=x",

	"create": classicRunFlags,
	"run":    classicRunFlags + " -d --detach --sig-proxy=false -sig-proxy -name=x --rm -rm --detach-keys=ctrl-a",

	"network connect":    "--alias=x --ip=1.2.3.4 --ip6=::1 --link=a:b --link-local-ip=169.254.1.1",
	"network create":     "--attachable --aux-address=a=1.2.3.4 -d=bridge --driver=bridge --gateway=1.2.3.4 --internal --ip-range=1.2.3.0/24 --ipam-driver=default --ipam-opt=a=b --ipv6 --label=a=b -o=a=b --opt=a=b --subnet=1.2.3.0/24",
	"network disconnect": "-f --force",
	"network inspect":    "-f=x --format=x",
	"network ls":         "-f=driver=bridge --filter=id=x --format=x --no-trunc -q --quiet",
	"network prune":      "-f --force",
	"volume create":      "-d=local --driver=local --label=a=b --name=x -o=a=b --opt=a=b",
	"volume inspect":     "-f=x --format=x",
	"volume ls":          "-f=dangling=true --filter=name=x --format=x -q --quiet",
	"volume prune":       "-f --force",
	"volume rm":          "-f --force",
	"container prune":    "-f --force",
	"image prune":        "-a --all -f --force",
	"system df":          "-v --verbose",
}

const classicRunFlags = "-a=stdin --attach=STDERR --add-host=a:1.2.3.4 -c=1 --cpu-shares=1 --cap-add=x --cap-drop=x --cidfile=x -cidfile=x --cpuset=0 " +
	"--device=/dev/null --dns=1.2.3.4 -dns=1.2.3.4 --dns-search=. -e=A --env=A --entrypoint=x -entrypoint=x --env-file=x --expose=1 -expose=1 -h=x --hostname=x " +
	"-i --interactive --ipc=host --link=a:b -link=a:b --lxc-conf=a=b -lxc-conf=a=b -m=1g --memory=1g --mac-address=x --memory-swap=-1 --name=x --net=host -n " +
	"--networking -P --publish-all -p=1 --publish=2 --pid=host --privileged -privileged --read-only --restart=no --security-opt=x -t --tty -u=x --user=x " +
	"-v=/a --volume=/b --volumes-from=x -volumes-from=x -w=/ --workdir=/ " +
	"--blkio-weight=10 --blkio-weight-device=/dev/a:10 --cgroup-parent=x --cpu-period=1 --cpu-quota=1 --cpu-rt-period=1 --cpu-rt-runtime=1 --cpus=1 " +
	"--cpuset-cpus=0 --cpuset-mems=0 --device-read-bps=/dev/a:1 --device-write-bps=/dev/a:1 --device-read-iops=/dev/a:1 --device-write-iops=/dev/a:1 " +
	"--disable-content-trust --dns-option=x --dns-opt=x --group-add=x --health-cmd=x --health-interval=1s --health-retries=1 --health-timeout=1s --init " +
	"--init-path=x --ip=1.2.3.4 --ip6=::1 --isolation=default --kernel-memory=1g -l=a --label=a --label-file=x --link-local-ip=169.254.1.1 --log-driver=x " +
	"--log-opt=a=b --memory-reservation=1g --memory-swappiness=1 --network=x --network-alias=x --net-alias=x --no-healthcheck --oom-kill-disable " +
	"--oom-score-adj=1 --pids-limit=1 --runtime=x --shm-size=1g --stop-signal=x --stop-timeout=1 --storage-opt=a=b --sysctl=a=b --tmpfs=/x --ulimit=nofile=1 " +
	"--userns=host --uts=host --volume-driver=x"

// TestClassicFlags spells every flag of the releases from 1.5 to 17.03.
func TestClassicFlags(t *testing.T) {
	daemonproc.Require(t)
	for command, flags := range classicFlags {
		t.Run(strings.ReplaceAll(command, " ", "_"), func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(command), strings.Fields(flags)...)
			out, err := exec.Command(daemonproc.Binary(), append(args, "--help")...).CombinedOutput()
			if err != nil {
				t.Errorf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		})
	}
}
