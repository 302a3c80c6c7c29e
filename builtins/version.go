package builtins

import (
	"bytes"
	"os"
	"runtime"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/engine"
)

// installVersion declares the job version.
//
// Usage: version
// Stdout: an api.SystemVersion.
func installVersion(eng *engine.Engine) error {
	return eng.Declare(engine.Declaration{
		Name:    "version",
		Summary: "Tell which program this is, which API it speaks, and on what it runs.",
		Stdout:  engine.JSONDocument,
		Handler: func(job *engine.Job) error { return job.WriteJSON(currentVersion()) },
	})
}

func currentVersion() api.SystemVersion {
	v := api.SystemVersion{
		Version:       dockerversion.Version,
		ApiVersion:    api.Version,
		MinAPIVersion: api.MinVersion,
		GitCommit:     dockerversion.GitCommit,
		BuildTime:     dockerversion.BuildTime,
		GoVersion:     runtime.Version(),
		Os:            runtime.GOOS,
		Arch:          runtime.GOARCH,
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		v.KernelVersion = string(bytes.TrimSpace(release))
	}
	v.Platform.Name = "Docker Engine - enginejobs"
	v.Components = []api.VersionComponent{{
		Name: "Engine", Version: v.Version,
		Details: map[string]string{
			"ApiVersion": v.ApiVersion, "MinAPIVersion": v.MinAPIVersion, "GitCommit": v.GitCommit,
			"GoVersion": v.GoVersion, "Os": v.Os, "Arch": v.Arch, "KernelVersion": v.KernelVersion,
			"BuildTime": v.BuildTime, "Experimental": "false",
		},
	}}
	return v
}
