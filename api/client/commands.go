package client

import (
	"slices"
	"strings"
)

// commands is the table of all commands, in the order of the help. A command
// has its own file of the same name ("job ls": job_ls.go). A row without New is
// the heading of a group: the names of its commands begin with its own.
func commands() []Command {
	return []Command{
		{Name: "attach", Args: "CONTAINER", Summary: "Attach to a running container", Count: count{1, 1},
			Also: []string{"container attach"}, New: newAttach},
		{Name: "build", Args: "PATH|URL|-", Summary: "Build an image from a Dockerfile", Count: count{1, 1},
			Also: []string{"image build", "builder build"}, New: newBuild},
		{Name: "commit", Args: "CONTAINER [REPOSITORY[:TAG]]", Summary: "Create a new image from a container's changes", Count: count{1, 2},
			Also: []string{"container commit"}, New: newCommit},
		{Name: "completion", Args: "bash|zsh|fish", Summary: "Print the script that completes commands in a shell", Count: count{1, 1},
			Long: completionHelp, New: newCompletion},
		{Name: "context", Summary: "Manage contexts: the places where daemons are"}, // and its commands
		{Name: "context create", Args: "CONTEXT", Summary: "Create a context", Count: count{1, 1}, New: newContextCreate},
		{Name: "context export", Args: "CONTEXT [FILE|-]", Summary: "Export a context to a tar archive FILE or a tar stream on STDOUT", Count: count{1, 2},
			New: newContextExport},
		{Name: "context import", Args: "CONTEXT FILE|-", Summary: "Import a context from a tar or zip file", Count: count{2, 2}, New: newContextImport},
		{Name: "context inspect", Args: "[CONTEXT...]", Summary: "Display detailed information on one or more contexts", Count: count{0, -1},
			New: newContextInspect},
		{Name: "context ls", Summary: "List contexts", Count: count{0, 0}, Also: []string{"context list"}, New: newContextLs},
		{Name: "context rm", Args: "CONTEXT [CONTEXT...]", Summary: "Remove one or more contexts", Count: count{1, -1},
			Also: []string{"context remove"}, New: newContextRm},
		{Name: "context show", Summary: "Print the name of the current context", Count: count{0, 0}, New: newContextShow},
		{Name: "context update", Args: "CONTEXT", Summary: "Update a context", Count: count{1, 1}, New: newContextUpdate},
		{Name: "context use", Args: "CONTEXT", Summary: "Set the current docker context", Count: count{1, 1}, New: newContextUse},
		{Name: "cp", Args: "CONTAINER:PATH LOCAL|- | LOCAL|- CONTAINER:PATH",
			Summary: "Copy files between a container and the local filesystem", Count: count{2, 2}, Long: cpHelp,
			Also: []string{"container cp"}, New: newCp},
		{Name: "create", Args: "IMAGE [COMMAND] [ARG...]", Summary: "Create a new container", Count: count{1, -1},
			Also: []string{"container create"}, Stop: true, New: newCreate},
		{Name: "diff", Args: "CONTAINER", Summary: "Inspect changes on a container's filesystem", Count: count{1, 1},
			Also: []string{"container diff"}, New: newDiff},
		{Name: "events", Summary: "Get real time events from the server", Count: count{0, 0},
			Also: []string{"system events"}, New: newEvents},
		{Name: "exec", Args: "CONTAINER COMMAND [ARG...]", Summary: "Run a command in a running container", Count: count{2, -1},
			Also: []string{"container exec"}, Stop: true, New: newExec},
		{Name: "export", Args: "CONTAINER", Summary: "Stream the contents of a container as a tar archive", Count: count{1, 1},
			Also: []string{"container export"}, New: newExport},
		{Name: "history", Args: "IMAGE", Summary: "Show the history of an image", Count: count{1, 1},
			Also: []string{"image history"}, New: newHistory},
		{Name: "images", Args: "[REPOSITORY]", Summary: "List images", Count: count{0, 1},
			Also: []string{"image ls", "image list"}, New: newImages},
		{Name: "import", Args: "URL|FILE|- [REPOSITORY[:TAG]]", Summary: "Create a new filesystem image from a tarball",
			Count: count{1, 3}, Also: []string{"image import"}, New: newImport},
		{Name: "info", Summary: "Display system-wide information", Count: count{0, 0},
			Also: []string{"system info"}, New: newInfo},
		{Name: "inspect", Args: "CONTAINER|IMAGE [CONTAINER|IMAGE...]",
			Summary: "Return low-level information on a container or image", Count: count{1, -1}, New: newInspect},
		{Name: "job", Summary: "List, run, trace and cancel the jobs of an engine"}, // and its commands
		{Name: "job cancel", Args: "JOB [JOB...]", Summary: "Cancel running jobs", Count: count{1, -1},
			Long: jobCancelHelp, New: newJobCancel},
		{Name: "job help", Args: "[NAME]", Summary: "Describe a job of the engine, or list all of them", Count: count{0, 1},
			New: newJobHelp},
		{Name: "job ls", Summary: "List the running jobs", Count: count{0, 0}, New: newJobLs},
		{Name: "job run", Args: "NAME [KEY=VAL...] [--] [ARG...]", Summary: "Run any job of the engine", Count: count{1, -1},
			Stop: true, Long: jobRunHelp, New: newJobRun},
		{Name: "job trace", Summary: "Show the jobs that ended last, as trees, or follow them", Count: count{0, 0},
			Long: jobTraceHelp, New: newJobTrace},
		{Name: "kill", Args: "CONTAINER [CONTAINER...]", Summary: "Kill a running container", Count: count{1, -1},
			Also: []string{"container kill"}, New: newKill},
		{Name: "load", Summary: "Load images from a tar archive or STDIN", Count: count{0, 0}, Also: []string{"image load"}, New: newLoad},
		{Name: "login", Args: "[SERVER]", Summary: "Log in to a registry", Count: count{0, 1}, New: newLogin},
		{Name: "logout", Args: "[SERVER]", Summary: "Log out from a registry", Count: count{0, 1}, New: newLogout},
		{Name: "logs", Args: "CONTAINER", Summary: "Fetch the logs of a container", Count: count{1, 1},
			Also: []string{"container logs"}, New: newLogs},
		{Name: "port", Args: "CONTAINER [PRIVATE_PORT[/PROTO]]", Summary: "List port mappings of a container",
			Count: count{1, 2}, Also: []string{"container port"}, New: newPort},
		{Name: "network", Summary: "Manage networks"}, // and its commands
		{Name: "network connect", Args: "NETWORK CONTAINER", Summary: "Connect a container to a network", Count: count{2, 2}, New: newNetworkConnect},
		{Name: "network create", Args: "NETWORK", Summary: "Create a network", Count: count{1, 1}, New: newNetworkCreate},
		{Name: "network disconnect", Args: "NETWORK CONTAINER", Summary: "Disconnect a container from a network", Count: count{2, 2},
			New: newNetworkDisconnect},
		{Name: "network inspect", Args: "NETWORK [NETWORK...]", Summary: "Return low-level information on networks", Count: count{1, -1},
			New: newNetworkInspect},
		{Name: "network ls", Summary: "List networks", Count: count{0, 0}, Also: []string{"network list"}, New: newNetworkLs},
		{Name: "network prune", Summary: "Remove unused networks", Count: count{0, 0}, New: newNetworkPrune},
		{Name: "network rm", Args: "NETWORK [NETWORK...]", Summary: "Remove one or more networks", Count: count{1, -1},
			Also: []string{"network remove"}, New: newNetworkRm},
		{Name: "pause", Args: "CONTAINER [CONTAINER...]", Summary: "Pause all processes within a container",
			Count: count{1, -1}, Also: []string{"container pause"}, New: newPause},
		{Name: "ps", Summary: "List containers", Count: count{0, 0},
			Also: []string{"container ls", "container list", "container ps"}, New: newPs},
		{Name: "pull", Args: "NAME[:TAG|@DIGEST]", Summary: "Pull an image or a repository from a registry", Count: count{1, 1},
			Also: []string{"image pull"}, New: newPull},
		{Name: "push", Args: "NAME[:TAG]", Summary: "Push an image or a repository to a registry", Count: count{1, 1},
			Also: []string{"image push"}, New: newPush},
		{Name: "rename", Args: "OLD_NAME NEW_NAME", Summary: "Rename an existing container", Count: count{2, 2},
			Also: []string{"container rename"}, New: newRename},
		{Name: "restart", Args: "CONTAINER [CONTAINER...]", Summary: "Restart a running container", Count: count{1, -1},
			Also: []string{"container restart"}, New: newRestart},
		{Name: "rm", Args: "CONTAINER [CONTAINER...]", Summary: "Remove one or more containers", Count: count{1, -1},
			Also: []string{"container rm", "container remove"}, New: newRm},
		{Name: "rmi", Args: "IMAGE [IMAGE...]", Summary: "Remove one or more images", Count: count{1, -1},
			Also: []string{"image rm", "image remove"}, New: newRmi},
		{Name: "run", Args: "IMAGE [COMMAND] [ARG...]", Summary: "Run a command in a new container", Count: count{1, -1},
			Also: []string{"container run"}, Stop: true, New: newRun},
		{Name: "save", Args: "IMAGE [IMAGE...]", Summary: "Save images to a tar archive", Count: count{1, -1},
			Also: []string{"image save"}, New: newSave},
		{Name: "search", Args: "TERM", Summary: "Search a registry for images", Count: count{1, 1}, New: newSearch},
		{Name: "start", Args: "CONTAINER [CONTAINER...]", Summary: "Start a stopped container", Count: count{1, -1},
			Also: []string{"container start"}, New: newStart},
		{Name: "stats", Args: "[CONTAINER...]", Summary: "Display a live stream of container(s) resource usage statistics",
			Count: count{0, -1}, Also: []string{"container stats"}, New: newStats},
		{Name: "stop", Args: "CONTAINER [CONTAINER...]", Summary: "Stop a running container", Count: count{1, -1},
			Also: []string{"container stop"}, New: newStop},
		{Name: "tag", Args: "IMAGE[:TAG] [REGISTRYHOST/][USERNAME/]NAME[:TAG]", Summary: "Tag an image into a repository",
			Count: count{2, 2}, Also: []string{"image tag"}, New: newTag},
		{Name: "top", Args: "CONTAINER [ps OPTIONS]", Summary: "Lookup the running processes of a container",
			Count: count{1, -1}, Also: []string{"container top"}, Stop: true, New: newTop},
		{Name: "unpause", Args: "CONTAINER [CONTAINER...]", Summary: "Unpause a paused container", Count: count{1, -1},
			Also: []string{"container unpause"}, New: newUnpause},
		{Name: "update", Args: "CONTAINER [CONTAINER...]", Summary: "Update the configuration of one or more containers",
			Count: count{1, -1}, Also: []string{"container update"}, New: newUpdate},
		{Name: "version", Summary: "Show the Docker version information", Count: count{0, 0}, New: newVersion},
		{Name: "volume", Summary: "Manage volumes"}, // and its commands
		{Name: "volume create", Args: "[VOLUME]", Summary: "Create a volume", Count: count{0, 1}, New: newVolumeCreate},
		{Name: "volume inspect", Args: "VOLUME [VOLUME...]", Summary: "Return low-level information on volumes", Count: count{1, -1},
			New: newVolumeInspect},
		{Name: "volume ls", Summary: "List volumes", Count: count{0, 0}, Also: []string{"volume list"}, New: newVolumeLs},
		{Name: "volume prune", Summary: "Remove unused volumes", Count: count{0, 0}, New: newVolumePrune},
		{Name: "volume rm", Args: "VOLUME [VOLUME...]", Summary: "Remove one or more volumes", Count: count{1, -1},
			Also: []string{"volume remove"}, New: newVolumeRm},
		{Name: "wait", Args: "CONTAINER [CONTAINER...]", Summary: "Block until a container stops, then print its exit code",
			Count: count{1, -1}, Also: []string{"container wait"}, New: newWait},

		// What has no classic spelling.
		{Summary: "Remove caches of builds", Count: count{0, 0}, Also: []string{"builder prune"}, New: newBuilderPrune},
		{Summary: "Remove all stopped containers", Count: count{0, 0}, Also: []string{"container prune"}, New: newContainerPrune},
		{Args: "[IMAGE...]", Summary: "Read images again and name what is damaged or missing", Count: count{0, -1},
			Also: []string{"image check"}, New: newImageCheck},
		{Summary: "Remove unused images", Count: count{0, 0}, Also: []string{"image prune"}, New: newImagePrune},
		{Summary: "Remove unused data", Count: count{0, 0}, Also: []string{"system prune"}, New: newSystemPrune},
		{Summary: "Show how much disk the daemon uses", Count: count{0, 0}, Also: []string{"system df"}, New: newSystemDf},
		{Summary: "Connect stdin and stdout to the daemon", Count: count{0, 0}, Also: []string{"system dial-stdio"}, Hidden: true, New: newSystemDialStdio},
		{Args: "CONTAINER [CONTAINER...]", Summary: "Return low-level information on containers", Count: count{1, -1},
			Also: []string{"container inspect"}, New: newContainerInspect},
		{Args: "IMAGE [IMAGE...]", Summary: "Return low-level information on images", Count: count{1, -1},
			Also: []string{"image inspect"}, New: newImageInspect},
	}
}

// findCommand looks the first words up, whatever their case: one word, or the
// two of a later spelling. It returns the name as found and the other words.
func findCommand(args []string) (*Command, string, []string) {
	table := commands()
	one, two := strings.ToLower(args[0]), ""
	if len(args) > 1 {
		two = one + " " + strings.ToLower(args[1])
	}
	for i := range table {
		c := &table[i]
		switch {
		case c.New == nil:
		case two != "" && (c.Name == two || slices.Contains(c.Also, two)):
			return c, two, args[2:]
		case c.Name == one && one != "":
			return c, one, args[1:]
		}
	}
	return nil, "", nil
}

// isGroup tells whether the word begins two-word spellings.
func isGroup(word string) bool {
	prefix := strings.ToLower(word) + " "
	for _, c := range commands() {
		if strings.HasPrefix(c.Name, prefix) {
			return true
		}
		for _, other := range c.Also {
			if strings.HasPrefix(other, prefix) {
				return true
			}
		}
	}
	return false
}
