package server

import (
	"net/http"

	"github.com/enginejobs/docker/engine/metrics"
)

// jobsPath is where the jobs of the engine themselves are. It has no version: it
// comes before everything else, and no row begins with it.
const jobsPath = "/jobs/"

// route is one row: a method and a path, the job that does the work, where its
// arguments and environment come from, and what becomes of its result.
type route struct {
	method string
	path   string
	job    string // "" when the answer needs none
	args   []source
	env    []key
	reply  reply
}

// ServeHTTP is here so that the router can carry rows; serve calls answer.
func (row *route) ServeHTTP(http.ResponseWriter, *http.Request) {}

// routes is every path of the API, sorted by path, then method. Versions are
// taken off before: all rows serve all versions, as they always have; what
// differs is in the shapes. A custom reply has its own file, named after the
// job.
func routes() []route {
	var (
		name    = []source{fromPath("name")}
		path    = []source{fromPath("name"), fromQuery("path")}
		inspect = []key{flag("size")}
		logs    = []key{flag("stdout"), flag("stderr"), flag("follow"), flag("timestamps"), flag("details"),
			text("tail"), text("since"), text("until")}
		attach    = []key{flag("logs"), flag("stream"), flag("stdin"), flag("stdout"), flag("stderr"), text("detachKeys")}
		remove    = []key{flag("removeVolume").as("v"), flag("removeLink").as("link"), flag("forceRemove").as("force")}
		ps        = []key{flag("all"), flag("size"), text("limit"), text("since"), text("before"), filters()}
		images    = []key{flag("all"), text("filter"), filters(), flag("digests"), flag("shared-size")}
		platforms = []key{{"platform", "platform", setList}}
		load      = []key{flag("quiet"), {"platform", "platform", setList}}
		push      = []key{text("tag"), text("platform")}
		search    = []key{text("limit"), filters()}
		term      = []source{fromQuery("term")}
		imageRm   = []key{flag("force"), flag("noprune"), {"platforms", "platforms", setList}}
		stop      = []key{text("t"), text("signal")}
		events    = []key{text("since"), text("until"), filters()}
		waitUntil = []key{text("condition")}
		size      = []source{fromPath("name"), fromQuery("h"), fromQuery("w")}
		kill      = []source{fromPath("name"), maybe("signal")}
		top       = []source{fromPath("name"), maybe("ps_args")}
		rename    = []source{fromPath("name"), fromQuery("name")}
		tag       = []source{fromPath("name"), fromQuery("repo"), maybe("tag")}
	)
	return []route{
		{"GET", "/_ping", "", nil, nil, custom(ping)},
		{"HEAD", "/_ping", "", nil, nil, custom(ping)},
		{"POST", "/auth", "auth", nil, nil, custom(checkAuth)},
		{"POST", "/build", "build", nil, buildKeys(), custom(build)},
		{"POST", "/build/cancel", "", nil, nil, custom(buildCancel)},
		{"POST", "/build/prune", "build_prune", nil, []key{filters(), flag("all"), text("keep-storage"), text("reserved-space"), text("max-used-space"), text("min-free-space")}, document(shapeBuildPrune()...)},
		{"POST", "/commit", "commit", nil, nil, custom(commit)},
		{"GET", "/configs", "", nil, nil, custom(noSwarm)},
		{"POST", "/configs/create", "", nil, nil, custom(noSwarmDocument)},
		{"DELETE", "/configs/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/configs/{name}", "", nil, nil, custom(noSwarm)},
		{"POST", "/configs/{name}/update", "", nil, nil, noSwarmUpdate("config")},
		{"POST", "/containers/create", "create", nil, nil, custom(create)},
		{"GET", "/containers/json", "containers", nil, ps, document(shapeContainers()...).told(tellContainers)},
		{"POST", "/containers/prune", "containers_prune", nil, []key{filters()}, document()},
		{"GET", "/containers/ps", "containers", nil, ps, document(shapeContainers()...).told(tellContainers)},
		{"DELETE", "/containers/{name:.+}", "rm", name, remove, empty(204)},
		{"GET", "/containers/{name:.+}/archive", "container_archive", path, nil, custom(containerArchive)},
		{"HEAD", "/containers/{name:.+}/archive", "container_archive_stat", path, nil, custom(containerArchiveStat)},
		{"PUT", "/containers/{name:.+}/archive", "container_archive_put", path,
			[]key{flag("noOverwriteDirNonDir"), flag("copyUIDGID")}, custom(containerArchivePut)},
		{"POST", "/containers/{name:.+}/attach", "attach", name, attach, custom(attachHijack)},
		{"GET", "/containers/{name:.+}/attach/ws", "attach", name, attach, custom(attachWebsocket)},
		{"GET", "/containers/{name:.+}/changes", "container_changes", name, nil, document()},
		{"POST", "/containers/{name:.+}/copy", "container_copy", nil, nil, custom(containerCopy)},
		{"POST", "/containers/{name:.+}/exec", "exec_create", name, nil, custom(execCreate)},
		{"GET", "/containers/{name:.+}/export", "export", name, nil, stream("application/x-tar")},
		{"GET", "/containers/{name:.+}/json", "container_inspect", name, inspect, document(shapeInspect()...).told(tellInspect)},
		{"POST", "/containers/{name:.+}/kill", "kill", kill, nil, empty(204)},
		{"GET", "/containers/{name:.+}/logs", "logs", name, logs, custom(logsStream)},
		{"POST", "/containers/{name:.+}/pause", "pause", name, nil, empty(204)},
		{"POST", "/containers/{name:.+}/rename", "container_rename", rename, nil, empty(204)},
		{"POST", "/containers/{name:.+}/resize", "resize", size, nil, empty(200)},
		{"POST", "/containers/{name:.+}/restart", "restart", name, stop, empty(204)},
		{"POST", "/containers/{name:.+}/start", "start", name, nil, custom(start)},
		{"GET", "/containers/{name:.+}/stats", "container_stats", name, nil, custom(stats)},
		{"POST", "/containers/{name:.+}/stop", "stop", name, stop, empty(204)},
		{"GET", "/containers/{name:.+}/top", "top", top, nil, document()},
		{"POST", "/containers/{name:.+}/unpause", "unpause", name, nil, empty(204)},
		{"POST", "/containers/{name:.+}/update", "container_update", name, nil, custom(update)},
		{"POST", "/containers/{name:.+}/wait", "wait", name, waitUntil, custom(wait)},
		{"GET", "/distribution/{name:.+}/json", "distribution_inspect", name, nil, custom(asUser)},
		{"GET", "/events", "events", nil, events, custom(eventsStream)},
		{"GET", "/exec/{name:.+}/json", "exec_inspect", name, nil, custom(execInspect)},
		{"POST", "/exec/{name:.+}/resize", "exec_resize", size, nil, empty(200)},
		{"POST", "/exec/{name:.+}/start", "exec_start", name, nil, custom(execStart)},
		{"POST", "/grpc", "", nil, nil, custom(session)},
		{"POST", "/images/create", "import", nil, nil, custom(imagesCreate)},
		{"GET", "/images/get", "image_export", nil, platforms, custom(imagesGet)},
		{"GET", "/images/json", "images", nil, images, document(shapeImages()...).told(tellImages)},
		{"POST", "/images/load", "load", nil, load, custom(imagesLoad)},
		{"POST", "/images/prune", "images_prune", nil, []key{filters()}, document()},
		{"GET", "/images/search", "search", term, search, custom(asUser)},
		{"GET", "/images/viz", "viz", nil, nil, stream("text/plain; charset=utf-8")},
		{"DELETE", "/images/{name:.+}", "image_delete", name, imageRm, document(shapeImageDelete()...)},
		{"GET", "/images/{name:.+}/attestations", "", nil, nil, custom(noAttestations)},
		{"GET", "/images/{name:.+}/get", "image_export", name, platforms, stream("application/x-tar")},
		{"GET", "/images/{name:.+}/history", "history", name, []key{text("platform")}, document(shapeHistory()...)},
		{"POST", "/images/{name:.+}/insert", "insert", []source{fromPath("name"), fromQuery("url"), fromQuery("path")}, nil, custom(insert)},
		{"GET", "/images/{name:.+}/json", "image_inspect", name, []key{text("platform")}, document(shapeImageInspect()...)},
		{"POST", "/images/{name:.+}/push", "push", name, push, custom(imagePush)},
		{"POST", "/images/{name:.+}/tag", "tag", tag, []key{flag("force")}, custom(tagImage)},
		{"GET", "/info", "info", nil, nil, document(shapeInfo()...)},
		{"GET", "/metrics", "metrics", nil, nil, stream(metrics.ContentType)},
		{"GET", "/networks", "networks", nil, []key{filters()}, reply{kind: replyCustom, custom: networks, shapes: shapeNetworks()}},
		{"POST", "/networks/create", "network_create", nil, nil, custom(networkCreate)},
		{"POST", "/networks/prune", "networks_prune", nil, []key{filters()}, document()},
		{"DELETE", "/networks/{name:.+}", "network_rm", name, nil, empty(204)},
		{"GET", "/networks/{name:.+}", "network_inspect", name, []key{{"verbose", "verbose", setStrict}, text("scope")}, document(shapeNetwork()...)},
		{"POST", "/networks/{name:.+}/connect", "network_connect", name, nil, custom(networkConnect)},
		{"POST", "/networks/{name:.+}/disconnect", "network_disconnect", name, nil, custom(networkDisconnect)},
		{"GET", "/nodes", "", nil, nil, custom(noSwarm)},
		{"DELETE", "/nodes/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/nodes/{name}", "", nil, nil, custom(noSwarm)},
		{"POST", "/nodes/{name}/update", "", nil, nil, noSwarmUpdate("node")},
		{"GET", "/plugins", "", nil, nil, custom(plugins)},
		{"POST", "/plugins/create", "", nil, nil, custom(pluginPull)},
		{"GET", "/plugins/privileges", "", nil, nil, custom(pluginPull)},
		{"POST", "/plugins/pull", "", nil, nil, custom(pluginPull)},
		{"DELETE", "/plugins/{name:.+}", "", nil, nil, custom(noPlugin)},
		{"POST", "/plugins/{name:.+}/disable", "", nil, nil, custom(noPlugin)},
		{"POST", "/plugins/{name:.+}/enable", "", nil, nil, custom(noPlugin)},
		{"GET", "/plugins/{name:.+}/json", "", nil, nil, custom(noPlugin)},
		{"POST", "/plugins/{name:.+}/push", "", nil, nil, custom(noPlugin)},
		{"POST", "/plugins/{name:.+}/set", "", nil, nil, custom(noPlugin)},
		{"POST", "/plugins/{name:.+}/upgrade", "", nil, nil, custom(noPlugin)},
		{"GET", "/secrets", "", nil, nil, custom(noSwarm)},
		{"POST", "/secrets/create", "", nil, nil, custom(noSwarmDocument)},
		{"DELETE", "/secrets/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/secrets/{name}", "", nil, nil, custom(noSwarm)},
		{"POST", "/secrets/{name}/update", "", nil, nil, noSwarmUpdate("secret")},
		{"GET", "/services", "", nil, nil, custom(noSwarm)},
		{"POST", "/services/create", "", nil, nil, custom(noSwarmDocument)},
		{"DELETE", "/services/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/services/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/services/{name}/logs", "", nil, nil, custom(noSwarmLogs)},
		{"POST", "/services/{name}/update", "", nil, nil, noSwarmUpdate("service")},
		{"POST", "/session", "", nil, nil, custom(session)},
		{"GET", "/swarm", "", nil, nil, custom(noSwarm)},
		{"POST", "/swarm/init", "", nil, nil, custom(swarmInit)},
		{"POST", "/swarm/join", "", nil, nil, custom(swarmInit)},
		{"POST", "/swarm/leave", "", nil, nil, custom(swarmLeave)},
		{"POST", "/swarm/unlock", "", nil, nil, custom(noSwarmDocument)},
		{"GET", "/swarm/unlockkey", "", nil, nil, custom(noSwarm)},
		{"POST", "/swarm/update", "", nil, nil, noSwarmUpdate("swarm")},
		{"GET", "/system/df", "system_df", nil, []key{{"types", "type", setList}}, document(shapeDiskUsage()...)},
		{"GET", "/tasks", "", nil, nil, custom(noSwarm)},
		{"GET", "/tasks/{name}", "", nil, nil, custom(noSwarm)},
		{"GET", "/tasks/{name}/logs", "", nil, nil, custom(noSwarmLogs)},
		{"GET", "/version", "version", nil, nil, custom(tellVersion)},
		{"GET", "/volumes", "volumes", nil, []key{filters()}, document()},
		{"POST", "/volumes/create", "volume_create", nil, nil, custom(volumeCreate)},
		{"POST", "/volumes/prune", "volumes_prune", nil, []key{filters()}, custom(volumesPrune)},
		{"DELETE", "/volumes/{name:.+}", "volume_rm", name, []key{flag("force")}, empty(204)},
		{"GET", "/volumes/{name:.+}", "volume_inspect", name, nil, document()},
		{"PUT", "/volumes/{name:.+}", "", nil, nil, custom(volumeUpdate)},
	}
}
