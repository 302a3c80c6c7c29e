package integration

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// sameAnswers are command lines that the official CLI and ours answer with the
// same words and the same exit code. "|" is between the words.
const sameAnswers = `
exec|running|true
exec|running|sh|-c|echo out; echo err >&2; exit 3
exec|nobody|true
exec|ended|true
exec|running|nosuch
exec|running|/etc/passwd
exec|-u|nobody|running|id
exec|-w|/nosuch|running|pwd
exec|-w|/tmp|-e|A=1|running|sh|-c|pwd; echo $A
exec|-d|running|true
exec|-t|running|tty
exec|--env-file|/nonexistent|running|true
exec|--privileged|running|grep|CapEff|/proc/self/status
rename|nobody|x
rename|running|running
rename|running|bad name!
rename|running|ended
update|--cpu-shares|100|ended
update|--memory|100m|--memory-swap|200m|running
update|--restart|always|ended
update|--restart|no|ended|running
cp|running:/nosuch|.
cp|nobody:/x|.
cp|running:/etc/hostname|/nonexistent/dir/x
cp|/etc/hostname|running:/nosuch/dir/
cp|/etc/hostname|running:/nosuch/x
cp|running:/nosuch|-
cp|running|ended
cp|running:/x|ended:/x
cp||running:/
cp|-|running:/nosuch
cp|-q|running:/etc/passwd|DIR/passwd
cp|-q|DIR/passwd|running:/tmp
cp|-q|-a|DIR/passwd|running:/tmp/a
cp|-q|-L|running:/bin/sh|DIR/sh
cp|running:/etc|DIR/passwd
cp|nobody:/x|-
stop|ended
stop|-t|1|-s|KILL|ended
start|running
wait|ended
port|running
port|nobody
top|nobody
top|ended
diff|nobody
diff|ended
attach|nobody
attach|ended
logs|nobody
logs|--tail|1|ended
logs|--since|foo|ended
export|nobody
history|nothing
save|nothing
tag|nothing|x
load|-i|/nonexistent
commit|nobody
create|--name|running|busybox
create|--memory|1k|busybox
create|--pull|never|nothing
network|create|neta
network|create|--driver|foo|x
network|connect|nobody|running
network|connect|neta|nobody
network|disconnect|neta|ended
network|disconnect|nobody|running
volume|create|--driver|foo|x
volume|create|bad/name
volume|rm|-f|nobody
volume|create|vola
container|prune
image|prune|-a
network|prune
volume|prune
volume|prune|-a
system|prune
system|prune|--volumes|-a|--filter|label=x
`

// sameCodes are those that are answered in other words, ours being those of the
// first releases, and with the same exit code.
const sameCodes = `
exec|-it|running|true
exec|-e|running
exec|running
rename|running
update|running
update|--memory|1|running
update|--restart|foo|running
update|--restart|no|nobody|running
cp|/nonexistent|running:/
cp|running
stats|--no-stream|nobody
stats|--no-stream|nobody|running
kill|ended
kill|nobody
kill|-s|FOO|running
stop|nobody
start|nobody
restart|nobody
rm|nobody
rm|running
rmi|nothing
rmi|nothing|other
pause|ended
pause|nobody
unpause|running
wait|nobody
port|running|81
port|running|9999
port|running|foo
commit|ended|BAD/Name
tag|busybox|BAD
pull|BAD
inspect|nobody
inspect|--type|foo|running
inspect|nobody|running|-f|{{.Name}}
inspect|-f|{{.Nothing|running
image|inspect|running
container|inspect|busybox
network|inspect|nobody
volume|inspect|nobody
network|rm|nobody
network|rm|bridge
network|rm|neta
volume|rm|nobody
volume|rm|vola
create|-p|foo|busybox
create|-m|foo|busybox
create|--bogus|busybox
create
run|--pull|never|nothing
run|--rm|busybox|nosuch
run|--rm|busybox|/etc/passwd
run|--rm|--name|running|busybox|true
run|--rm|-p|99999:1|busybox|true
run|--rm|-v|/:/x:zz|busybox|true
run|-d|--rm|--restart|always|busybox|true
run|--rm|--network|nobody|busybox|true
run|--rm|-it|busybox|true
run|--rm|-m|foo|busybox|true
run|--gpus|all|busybox
run|--gpus|x|busybox
run|--mount|type=bind|busybox
run|-e
run|--cpus|1000|busybox|true
run|--cpu-count|1|busybox|true
run|--health-interval|foo|busybox
run|--pull|sometimes|busybox
run|--env-file|/nonexistent|busybox
run|--ulimit|foo|busybox
run|--add-host|foo|busybox|true
run|-w|foo|busybox|true
run|-u|nosuch|--rm|busybox|true
run|--rm|busybox|sh|-c|kill -9 $$
run|--platform|linux/s390x|--pull|never|busybox|true
start|--checkpoint|x|ended
events|--since|foo
ps|--bogus
ps|-z
ps|extra
ps|-n
--bogus
bogus
network|bogus
network
kill
version|extra
info|extra
network|create
images|a|b
version|--format|{{
ps|--format|{{.Nothing}}
container|ls|--filter|x
`

// TestAnswersOfBothCLIs types the same to the official CLI and to ours: what
// goes wrong ends with the same exit code, and is said in the same words where
// the first releases had no words of their own for it.
func TestAnswersOfBothCLIs(t *testing.T) {
	daemonproc.Require(t)
	client28(t)
	t.Parallel()
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "network", "create", "neta")
	d.Must(t, "volume", "create", "vola")
	d.Must(t, "run", "-d", "--name", "running", "--network", "neta", "-v", "vola:/x", "busybox", "sleep", "1000")
	if r := d.Docker("run", "--name", "ended", "busybox", "sh", "-c", "echo one; echo two; touch /new; exit 3"); r.Code != 3 {
		t.Fatal(r)
	}
	for line := range strings.Lines(strings.TrimSpace(sameAnswers)) {
		compareClients(t, d, words(d, line))
	}
	for line := range strings.Lines(strings.TrimSpace(sameCodes)) {
		args := words(d, line)
		if official, ours := d.Official(t, args...), d.Docker(args...); official.Code != ours.Code {
			t.Errorf("official: %v\nours: %v", official, ours)
		}
	}
}

// TestWithoutADaemon: what cannot be asked ends with the exit code of the
// official CLI, and says why.
func TestWithoutADaemon(t *testing.T) {
	daemonproc.Require(t)
	t.Parallel()
	official := client28(t)
	for _, line := range []string{
		"ps", "run busybox", "create busybox", "exec a b", "version", "info", "images", "pull x", "logs a", "inspect a", "stats --no-stream", "events",
		"cp a:/x .", "start -a a", "stop a", "rm -f a", "wait a", "export a", "save a", "network ls", "volume create", "system df", "container prune -f",
		"logout localhost:1", "version --format {{.Client.Os}}",
	} {
		t.Run(strings.ReplaceAll(line, " ", "_"), func(t *testing.T) {
			type answer struct {
				code   int
				stdout string
			}
			ask := func(bin string) (answer, string) {
				cmd := exec.Command(bin, strings.Fields(line)...)
				cmd.Env = []string{"HOME=" + t.TempDir(), "DOCKER_HOST=unix:///nonexistent/docker.sock"}
				var out, errOut strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &errOut
				_ = cmd.Run() // its exit code says it
				a := answer{code: cmd.ProcessState.ExitCode()}
				if strings.Contains(line, "--format") {
					a.stdout = out.String()
				}
				return a, errOut.String()
			}
			want, _ := ask(official)
			got, says := ask(daemonproc.Binary())
			if got != want || got.code != 0 && !strings.Contains(says, "Cannot connect to the Docker daemon") {
				t.Errorf("%+v, the official CLI %+v\n%s", got, want, says)
			}
		})
	}
}

// words are the words of a line of the tables.
func words(d *daemonproc.Daemon, line string) []string {
	return strings.Split(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "DIR", d.Dir), "|")
}
