package integration

import (
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// absent calls what this engine does not have: it says so as a Docker engine that is
// in no swarm and has no plugins.
func (s *sdk) absent() {
	const manager = "This node is not a swarm manager"
	gone := func(method string, err error) {
		s.Helper()
		s.refused(method, err, errdefs.IsUnavailable, manager)
	}
	call := map[string]func() error{
		"ConfigCreate":      func() error { _, err := s.cli.ConfigCreate(s.ctx, client.ConfigCreateOptions{}); return err },
		"ConfigInspect":     func() error { _, err := s.cli.ConfigInspect(s.ctx, "x", client.ConfigInspectOptions{}); return err },
		"ConfigList":        func() error { _, err := s.cli.ConfigList(s.ctx, client.ConfigListOptions{}); return err },
		"ConfigRemove":      func() error { _, err := s.cli.ConfigRemove(s.ctx, "x", client.ConfigRemoveOptions{}); return err },
		"ConfigUpdate":      func() error { _, err := s.cli.ConfigUpdate(s.ctx, "x", client.ConfigUpdateOptions{}); return err },
		"NodeInspect":       func() error { _, err := s.cli.NodeInspect(s.ctx, "x", client.NodeInspectOptions{}); return err },
		"NodeList":          func() error { _, err := s.cli.NodeList(s.ctx, client.NodeListOptions{}); return err },
		"NodeRemove":        func() error { _, err := s.cli.NodeRemove(s.ctx, "x", client.NodeRemoveOptions{}); return err },
		"NodeUpdate":        func() error { _, err := s.cli.NodeUpdate(s.ctx, "x", client.NodeUpdateOptions{}); return err },
		"SecretCreate":      func() error { _, err := s.cli.SecretCreate(s.ctx, client.SecretCreateOptions{}); return err },
		"SecretInspect":     func() error { _, err := s.cli.SecretInspect(s.ctx, "x", client.SecretInspectOptions{}); return err },
		"SecretList":        func() error { _, err := s.cli.SecretList(s.ctx, client.SecretListOptions{}); return err },
		"SecretRemove":      func() error { _, err := s.cli.SecretRemove(s.ctx, "x", client.SecretRemoveOptions{}); return err },
		"SecretUpdate":      func() error { _, err := s.cli.SecretUpdate(s.ctx, "x", client.SecretUpdateOptions{}); return err },
		"ServiceInspect":    func() error { _, err := s.cli.ServiceInspect(s.ctx, "x", client.ServiceInspectOptions{}); return err },
		"ServiceList":       func() error { _, err := s.cli.ServiceList(s.ctx, client.ServiceListOptions{}); return err },
		"ServiceRemove":     func() error { _, err := s.cli.ServiceRemove(s.ctx, "x", client.ServiceRemoveOptions{}); return err },
		"SwarmGetUnlockKey": func() error { _, err := s.cli.SwarmGetUnlockKey(s.ctx); return err },
		"SwarmInspect":      func() error { _, err := s.cli.SwarmInspect(s.ctx, client.SwarmInspectOptions{}); return err },
		"SwarmUnlock":       func() error { _, err := s.cli.SwarmUnlock(s.ctx, client.SwarmUnlockOptions{}); return err },
		"SwarmUpdate":       func() error { _, err := s.cli.SwarmUpdate(s.ctx, client.SwarmUpdateOptions{}); return err },
		"TaskInspect":       func() error { _, err := s.cli.TaskInspect(s.ctx, "x", client.TaskInspectOptions{}); return err },
		"TaskList":          func() error { _, err := s.cli.TaskList(s.ctx, client.TaskListOptions{}); return err },
		"TaskLogs": func() error {
			_, err := s.cli.TaskLogs(s.ctx, "x", client.TaskLogsOptions{ShowStdout: true})
			return err
		},
		"ServiceLogs": func() error {
			_, err := s.cli.ServiceLogs(s.ctx, "x", client.ServiceLogsOptions{ShowStdout: true})
			return err
		},
		"ServiceCreate": func() error {
			_, err := s.cli.ServiceCreate(s.ctx, client.ServiceCreateOptions{})
			return err
		},
	}
	for method, f := range call {
		gone(method, f())
	}
	_, err := s.cli.ServiceUpdate(s.ctx, "x", client.ServiceUpdateOptions{})
	s.did("ServiceUpdate") // the client itself wants more than nothing
	if err == nil {
		s.Error("ServiceUpdate: no error")
	}
	_, err = s.cli.SwarmLeave(s.ctx, client.SwarmLeaveOptions{})
	s.refused("SwarmLeave", err, errdefs.IsUnavailable, "This node is not part of a swarm")
	_, err = s.cli.SwarmInit(s.ctx, client.SwarmInitOptions{ListenAddr: "127.0.0.1"})
	s.refused("SwarmInit", err, errdefs.IsNotImplemented, "no swarm mode")
	_, err = s.cli.SwarmJoin(s.ctx, client.SwarmJoinOptions{ListenAddr: "127.0.0.1"})
	s.refused("SwarmJoin", err, errdefs.IsNotImplemented, "no swarm mode")
	s.plugins()
}

func (s *sdk) plugins() {
	list, err := s.cli.PluginList(s.ctx, client.PluginListOptions{})
	s.want("PluginList", err, len(list.Items) == 0, list)
	const none = `plugin "x" not found`
	_, err = s.cli.PluginInspect(s.ctx, "x", client.PluginInspectOptions{})
	s.refused("PluginInspect", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginEnable(s.ctx, "x", client.PluginEnableOptions{})
	s.refused("PluginEnable", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginDisable(s.ctx, "x", client.PluginDisableOptions{})
	s.refused("PluginDisable", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginPush(s.ctx, "x", client.PluginPushOptions{})
	s.refused("PluginPush", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginRemove(s.ctx, "x", client.PluginRemoveOptions{})
	s.refused("PluginRemove", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginSet(s.ctx, "x", client.PluginSetOptions{Args: []string{"a=b"}})
	s.refused("PluginSet", err, errdefs.IsNotFound, none)
	_, err = s.cli.PluginUpgrade(s.ctx, "x", client.PluginUpgradeOptions{RemoteRef: "team/x"})
	s.refused("PluginUpgrade", err, func(err error) bool { return errdefs.IsNotFound(err) || errdefs.IsNotImplemented(err) }, "plugin")
	_, err = s.cli.PluginCreate(s.ctx, strings.NewReader("tar"), client.PluginCreateOptions{RepoName: "team/x"})
	s.refused("PluginCreate", err, errdefs.IsNotImplemented, "no managed plugins")
	_, err = s.cli.PluginInstall(s.ctx, "x", client.PluginInstallOptions{RemoteRef: "team/x", AcceptAllPermissions: true})
	s.refused("PluginInstall", err, errdefs.IsNotImplemented, "no managed plugins")
}
