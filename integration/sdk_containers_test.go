package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// box starts a container.
func (s *sdk) box(name string, cmd ...string) string {
	s.Helper()
	made, err := s.cli.ContainerCreate(s.ctx, client.ContainerCreateOptions{
		Name: name, Config: &container.Config{Image: "busybox", Cmd: cmd}, HostConfig: &container.HostConfig{},
	})
	s.want("ContainerCreate", err, len(made.ID) == 64, made)
	_, err = s.cli.ContainerStart(s.ctx, made.ID, client.ContainerStartOptions{})
	s.do("ContainerStart", err)
	return made.ID
}

func (s *sdk) containers() {
	told := s.cli.Events(s.ctx, client.EventsListOptions{Filters: client.Filters{}.Add("type", "container").Add("event", "kill")})
	id := s.box("busy", "sleep", "1000")
	list, err := s.cli.ContainerList(s.ctx, client.ContainerListOptions{Filters: client.Filters{}.Add("name", "busy")})
	s.want("ContainerList", err, len(list.Items) == 1 && list.Items[0].ID == id && list.Items[0].State == "running", list)
	seen, err := s.cli.ContainerInspect(s.ctx, "busy", client.ContainerInspectOptions{})
	s.want("ContainerInspect", err, seen.Container.ID == id && seen.Container.State.Running, seen)
	top, err := s.cli.ContainerTop(s.ctx, id, client.ContainerTopOptions{Arguments: []string{"aux"}})
	s.want("ContainerTop", err, len(top.Processes) == 1 && len(top.Titles) > 5, top)
	stats, err := s.cli.ContainerStats(s.ctx, id, client.ContainerStatsOptions{})
	var sample container.StatsResponse
	if text := s.all("ContainerStats", stats.Body, err); json.Unmarshal([]byte(text), &sample) != nil || sample.ID != id || sample.MemoryStats.Usage == 0 {
		s.Errorf("ContainerStats: %s", text)
	}
	_, err = s.cli.ContainerPause(s.ctx, id, client.ContainerPauseOptions{})
	s.do("ContainerPause", err)
	_, err = s.cli.ContainerUnpause(s.ctx, id, client.ContainerUnpauseOptions{})
	s.do("ContainerUnpause", err)
	_, err = s.cli.ContainerUpdate(s.ctx, id, client.ContainerUpdateOptions{Resources: &container.Resources{CPUShares: 512}})
	s.do("ContainerUpdate", err)
	_, err = s.cli.ContainerRename(s.ctx, id, client.ContainerRenameOptions{NewName: "busier"})
	s.do("ContainerRename", err)
	_, err = s.cli.ContainerResize(s.ctx, id, client.ContainerResizeOptions{Height: 24, Width: 80})
	s.did("ContainerResize") // it has no terminal
	if err != nil && !strings.Contains(err.Error(), "terminal") {
		s.Errorf("ContainerResize: %v", err)
	}
	s.checkpoints(id)
	s.execs(id)
	s.files(id)
	_, err = s.cli.ContainerRestart(s.ctx, id, client.ContainerRestartOptions{Timeout: new(int)})
	s.do("ContainerRestart", err)
	_, err = s.cli.ContainerKill(s.ctx, id, client.ContainerKillOptions{Signal: "TERM"})
	s.do("ContainerKill", err)
	s.did("Events")
	select {
	case m := <-told.Messages:
		if m.Action != events.ActionKill || m.Actor.ID != id {
			s.Errorf("Events: %+v", m)
		}
	case err := <-told.Err:
		s.Errorf("Events: %v", err)
	case <-time.After(30 * time.Second):
		s.Error("Events: nothing came")
	}
	_, err = s.cli.ContainerStop(s.ctx, id, client.ContainerStopOptions{Timeout: new(int)})
	s.do("ContainerStop", err)
	s.streams()
	_, err = s.cli.ContainerRemove(s.ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	s.do("ContainerRemove", err)
	_, err = s.cli.ContainerInspect(s.ctx, id, client.ContainerInspectOptions{})
	s.refused("ContainerInspect", err, errdefs.IsNotFound, "No such container")
	pruned, err := s.cli.ContainerPrune(s.ctx, client.ContainerPruneOptions{})
	s.want("ContainerPrune", err, len(pruned.Report.ContainersDeleted) == 1, pruned)
}

func (s *sdk) checkpoints(id string) {
	_, err := s.cli.CheckpointCreate(s.ctx, id, client.CheckpointCreateOptions{CheckpointID: "c"})
	s.refused("CheckpointCreate", err, errdefs.IsNotFound, "page not found") // an experimental daemon alone has them
	_, err = s.cli.CheckpointList(s.ctx, id, client.CheckpointListOptions{})
	s.refused("CheckpointList", err, errdefs.IsNotFound, "page not found")
	_, err = s.cli.CheckpointRemove(s.ctx, id, client.CheckpointRemoveOptions{CheckpointID: "c"})
	s.refused("CheckpointRemove", err, errdefs.IsNotFound, "checkpoints/c")
}

func (s *sdk) execs(id string) {
	made, err := s.cli.ExecCreate(s.ctx, id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", "read x; echo got $x; exit 4"}, AttachStdin: true, AttachStdout: true})
	s.want("ExecCreate", err, made.ID != "", made)
	attached, err := s.cli.ExecAttach(s.ctx, made.ID, client.ExecAttachOptions{})
	s.do("ExecAttach", err)
	if err == nil {
		_, _ = io.WriteString(attached.Conn, "this\n")
		var out, errs bytes.Buffer
		if _, err := stdcopy.StdCopy(&out, &errs, attached.Reader); err != nil || out.String() != "got this\n" {
			s.Errorf("ExecAttach: %q, %v", out.String(), err)
		}
		attached.Close()
	}
	seen, err := s.cli.ExecInspect(s.ctx, made.ID, client.ExecInspectOptions{})
	s.want("ExecInspect", err, !seen.Running && seen.ExitCode == 4 && seen.ContainerID == id, seen)
	made, err = s.cli.ExecCreate(s.ctx, id, client.ExecCreateOptions{Cmd: []string{"sleep", "1000"}, TTY: true})
	s.do("ExecCreate", err)
	_, err = s.cli.ExecStart(s.ctx, made.ID, client.ExecStartOptions{Detach: true, TTY: true})
	s.do("ExecStart", err)
	_, err = s.cli.ExecResize(s.ctx, made.ID, client.ExecResizeOptions{Height: 30, Width: 90})
	s.do("ExecResize", err)
}

func (s *sdk) files(id string) {
	_, err := s.cli.CopyToContainer(s.ctx, id, client.CopyToContainerOptions{DestinationPath: "/tmp", Content: bytes.NewReader(tarOf(s.T, "f", "text"))})
	s.do("CopyToContainer", err)
	stat, err := s.cli.ContainerStatPath(s.ctx, id, client.ContainerStatPathOptions{Path: "/tmp/f"})
	s.want("ContainerStatPath", err, stat.Stat.Name == "f" && stat.Stat.Size == 4, stat)
	copied, err := s.cli.CopyFromContainer(s.ctx, id, client.CopyFromContainerOptions{SourcePath: "/tmp/f"})
	if text := s.all("CopyFromContainer", copied.Content, err); !strings.Contains(text, "text") || copied.Stat.Name != "f" {
		s.Errorf("CopyFromContainer: %d bytes, %+v", len(text), copied.Stat)
	}
	diff, err := s.cli.ContainerDiff(s.ctx, id, client.ContainerDiffOptions{})
	s.want("ContainerDiff", err, len(diff.Changes) == 2, diff)
	whole, err := s.cli.ContainerExport(s.ctx, id, client.ContainerExportOptions{})
	if text := s.all("ContainerExport", whole, err); !strings.Contains(text, "tmp/f") {
		s.Errorf("ContainerExport: %d bytes", len(text))
	}
	image, err := s.cli.ContainerCommit(s.ctx, id, client.ContainerCommitOptions{Reference: "committed:v1", Changes: []string{"USER 1"}})
	s.want("ContainerCommit", err, strings.HasPrefix(image.ID, "sha256:"), image)
}

// streams attaches to a container, waits for it, and reads its logs.
func (s *sdk) streams() {
	made, err := s.cli.ContainerCreate(s.ctx, client.ContainerCreateOptions{
		Name: "talks", Config: &container.Config{Image: "busybox", Cmd: []string{"sh", "-c", "echo out; echo err >&2; exit 5"}},
	})
	s.do("ContainerCreate", err)
	attached, err := s.cli.ContainerAttach(s.ctx, made.ID, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	s.do("ContainerAttach", err)
	if err != nil {
		return
	}
	defer attached.Close()
	wait := s.cli.ContainerWait(s.ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err = s.cli.ContainerStart(s.ctx, made.ID, client.ContainerStartOptions{})
	s.do("ContainerStart", err)
	s.did("ContainerWait")
	select {
	case end := <-wait.Result:
		if end.StatusCode != 5 {
			s.Errorf("ContainerWait: %+v", end)
		}
	case err := <-wait.Error:
		s.Errorf("ContainerWait: %v", err)
	}
	logs, err := s.cli.ContainerLogs(s.ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	both := s.all("ContainerLogs", logs, err)
	for what, r := range map[string]io.Reader{"attach": attached.Reader, "logs": strings.NewReader(both)} {
		var out, errs bytes.Buffer
		if _, err := stdcopy.StdCopy(&out, &errs, r); err != nil || out.String() != "out\n" || errs.String() != "err\n" {
			s.Errorf("%s: %q, %q, %v", what, out.String(), errs.String(), err)
		}
	}
}
