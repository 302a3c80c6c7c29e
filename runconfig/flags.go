package runconfig

import "github.com/enginejobs/docker/pkg/mflag"

// Flags holds what the user wrote after run or create, as text. Declare puts
// the flags on a set; Parse (parse.go) turns the text into documents once the
// set has read the command line.
type Flags struct {
	Name, CidFile, Platform string // for the command itself, not for the documents

	attach                                []string
	interactive, tty                      bool
	hostname, domainname                  string
	user, workdir, entrypoint             string
	env, envFile, labels, labelFile       []string
	annotations                           []string
	stopSignal, initPath                  string
	stopTimeout                           int
	expose, publish                       []string
	publishAll                            bool
	volumes, volumesFrom, mounts, tmpfs   []string
	volumeDriver                          string
	readOnly, privileged, initProcess     bool
	autoRemove                            bool
	restart                               string
	capAdd, capDrop, securityOpt          []string
	groupAdd, devices, deviceRules, gpus  []string
	lxcConf, sysctls, storageOpt, ulimits []string
	ipc, pid, uts, userns, cgroupns       string
	runtime, isolation                    string
	logDriver                             string
	logOpt                                []string
	networking                            bool
	mac, ip, ip6                          string
	networks, netAlias, linkLocalIP       []string
	endpoints                             map[string]*EndpointConfig // by network, parsed
	dns, dnsSearch, dnsOption, addHost    []string
	links                                 []string

	memory, memorySwap, memoryReservation  string
	kernelMemory, shmSize, cpus            string
	cpuset, cpusetMems, cgroupParent       string
	cpuShares, cpuPeriod, cpuQuota         int64
	cpuRtPeriod, cpuRtRuntime              int64
	pidsLimit, swappiness                  int64
	oomScoreAdj, blkioWeight               int
	oomKillDisable                         bool
	blkioWeightDevice                      []string
	readBps, writeBps, readIOps, writeIOps []string
	windows                                int64 // of flags that the client refuses
	windowsSize                            string
	healthCmd, healthInterval              string
	healthTimeout, healthStartPeriod       string
	healthStartInterval                    string
	healthRetries                          int
	noHealthcheck, noTrust                 bool

	set *mflag.Set
}

// Declare puts the flags that run and create share on set.
func (f *Flags) Declare(set *mflag.Set) {
	f.set = set
	f.networking, f.noTrust, f.swappiness, f.restart = true, true, -1, "no"
	f.declareProcess(set)
	f.declareFiles(set)
	f.declareRights(set)
	f.declareNetwork(set)
	f.declareLimits(set)
	f.declareHealth(set)
}

func (f *Flags) declareProcess(set *mflag.Set) {
	set.List(&f.attach, "-a --attach", "Attach to STDIN, STDOUT or STDERR", checkAttach)
	set.Bool(&f.interactive, "-i --interactive", "Keep STDIN open even if not attached")
	set.Bool(&f.tty, "-t --tty", "Allocate a pseudo-TTY")
	set.String(&f.Name, "~-name --name", "Assign a name to the container")
	set.String(&f.CidFile, "~-cidfile --cidfile", "Write the container ID to the file")
	set.String(&f.Platform, "--platform", "Choose the platform of the image")
	set.String(&f.hostname, "-h --hostname", "Container host name")
	set.String(&f.domainname, "--domainname", "Container domain name")
	set.String(&f.user, "-u --user", "User name or UID (<name|uid>[:<group|gid>])")
	set.String(&f.workdir, "-w --workdir", "Working directory inside the container")
	set.String(&f.entrypoint, "~-entrypoint --entrypoint", "Replace the entrypoint of the image")
	set.List(&f.env, "-e --env", "Set environment variables", checkEnv)
	set.List(&f.envFile, "--env-file", "Read environment variables from a file", nil)
	set.List(&f.labels, "-l --label", "Set metadata on the container", nil)
	set.List(&f.labelFile, "--label-file", "Read labels from a file", nil)
	set.List(&f.annotations, "--annotation", "Hand an annotation to the runtime", nil)
	set.String(&f.stopSignal, "--stop-signal", "Signal that stops the container")
	set.Int(&f.stopTimeout, "--stop-timeout", "Seconds to wait before killing at stop")
	set.String(&f.initPath, "!--init-path", "") // of 17.03; the init is part of the engine
	set.Bool(&f.initProcess, "--init", "Run an init inside that forwards signals and\nreaps processes")
	set.Bool(&f.autoRemove, "~-rm --rm", "Remove the container when it exits")
	set.String(&f.restart, "--restart", "Restart policy when the container exits (no,\non-failure[:max], always, unless-stopped)")
	set.String(&f.logDriver, "--log-driver", "Logging driver of the container")
	set.List(&f.logOpt, "--log-opt", "Options of the logging driver", nil)
	set.Bool(&f.noTrust, "--disable-content-trust", "Skip image verification; there is none")
}

func (f *Flags) declareFiles(set *mflag.Set) {
	set.List(&f.volumes, "-v --volume", "Bind mount a volume (-v /host:/container[:ro],\n-v /container)", checkVolume)
	set.List(&f.volumesFrom, "~-volumes-from --volumes-from", "Mount the volumes of other containers", nil)
	set.String(&f.volumeDriver, "--volume-driver", "Volume driver of the container")
	set.List(&f.mounts, "--mount", "Attach a mount (type=bind,source=S,target=T)", nil)
	set.List(&f.tmpfs, "--tmpfs", "Mount a tmpfs directory", nil)
	set.String(&f.shmSize, "--shm-size", "Size of /dev/shm")
	set.Bool(&f.readOnly, "--read-only", "Mount the root filesystem read only")
	set.List(&f.storageOpt, "--storage-opt", "Storage driver options of the container", nil)
}

func (f *Flags) declareRights(set *mflag.Set) {
	set.Bool(&f.privileged, "~-privileged --privileged", "Give extended privileges to the container")
	set.List(&f.capAdd, "--cap-add", "Add Linux capabilities", nil)
	set.List(&f.capDrop, "--cap-drop", "Drop Linux capabilities", nil)
	set.List(&f.devices, "--device", "Add a host device\n(--device=/dev/sdc:/dev/xvdc:rwm)", nil)
	set.List(&f.gpus, "--gpus", "GPUs for the container ('all', a number, or\ndevice=ID,...)", nil)
	set.List(&f.deviceRules, "--device-cgroup-rule", "Add a rule to the list of allowed devices", nil)
	set.List(&f.groupAdd, "--group-add", "Add groups to the process", nil)
	set.List(&f.securityOpt, "--security-opt", "Security options", nil)
	set.List(&f.lxcConf, "~-lxc-conf --lxc-conf", "Options of the lxc exec driver\n(--lxc-conf=\"key = value\")", nil)
	set.List(&f.sysctls, "--sysctl", "Kernel parameters of the container", nil)
	set.String(&f.ipc, "--ipc", "IPC namespace ('host' or 'container:<name|id>')")
	set.String(&f.pid, "--pid", "PID namespace ('host' or 'container:<name|id>')")
	set.String(&f.uts, "--uts", "UTS namespace ('host')")
	set.String(&f.userns, "--userns", "User namespace ('host')")
	set.String(&f.cgroupns, "--cgroupns", "Cgroup namespace ('host' or 'private')")
	set.String(&f.runtime, "--runtime", "Runtime of the container")
	set.String(&f.isolation, "--isolation", "Isolation technology")
}

func (f *Flags) declareNetwork(set *mflag.Set) {
	set.List(&f.networks, "--net --network", "Network: bridge, none, host, a name,\nor container:<name|id>", nil)
	set.Bool(&f.networking, "~-n ~--networking", "Give the container a network")
	set.String(&f.mac, "--mac-address", "Container MAC address (92:d0:c6:0a:29:33)")
	set.String(&f.ip, "--ip", "Container IPv4 address")
	set.String(&f.ip6, "--ip6", "Container IPv6 address")
	set.List(&f.linkLocalIP, "--link-local-ip", "Container link-local addresses", nil)
	set.List(&f.netAlias, "--network-alias !--net-alias", "Names of the container on its network", nil)
	set.List(&f.dns, "~-dns --dns", "Set DNS servers", checkIP)
	set.List(&f.dnsSearch, "--dns-search", "Set DNS search domains", CheckDNSSearch)
	set.List(&f.dnsOption, "--dns-option !--dns-opt", "Set DNS options", nil)
	set.List(&f.addHost, "--add-host", "Add a host-to-IP mapping (host:ip)", checkExtraHost)
	set.List(&f.links, "~-link --link", "Link to another container (name:alias)", checkLink)
	set.List(&f.publish, "-p --publish", "Publish a port\n(ip:hostPort:containerPort[/protocol])", nil)
	set.Bool(&f.publishAll, "-P --publish-all", "Publish all exposed ports to random ports")
	set.List(&f.expose, "~-expose --expose", "Expose a port or a range of ports", nil)
}

func (f *Flags) declareLimits(set *mflag.Set) {
	set.String(&f.memory, "-m --memory", "Memory limit (<number>[b|k|m|g])")
	set.String(&f.memorySwap, "--memory-swap", "Memory plus swap; -1 takes away the limit")
	set.String(&f.memoryReservation, "--memory-reservation", "Memory soft limit")
	set.String(&f.kernelMemory, "--kernel-memory", "Kernel memory limit")
	set.Int64(&f.swappiness, "--memory-swappiness", "Tune memory swappiness (0 to 100)")
	set.Bool(&f.oomKillDisable, "--oom-kill-disable", "Disable the OOM killer")
	set.Int(&f.oomScoreAdj, "--oom-score-adj", "OOM preference (-1000 to 1000)")
	set.Int64(&f.cpuShares, "-c --cpu-shares", "CPU shares (relative weight)")
	set.String(&f.cpus, "--cpus", "Number of CPUs")
	set.Int64(&f.cpuPeriod, "--cpu-period", "CPU CFS period in microseconds")
	set.Int64(&f.cpuQuota, "--cpu-quota", "CPU CFS quota in microseconds")
	set.Int64(&f.cpuRtPeriod, "--cpu-rt-period", "CPU real-time period in microseconds")
	set.Int64(&f.cpuRtRuntime, "--cpu-rt-runtime", "CPU real-time runtime in microseconds")
	set.String(&f.cpuset, "--cpuset --cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)")
	set.String(&f.cpusetMems, "--cpuset-mems", "Memory nodes to allow (0-3, 0,1)")
	set.String(&f.cgroupParent, "--cgroup-parent", "Parent cgroup of the container")
	set.Int64(&f.pidsLimit, "--pids-limit", "Limit of processes (-1 for none)")
	set.List(&f.ulimits, "--ulimit", "Ulimit options (name=soft[:hard])", nil)
	set.Int(&f.blkioWeight, "--blkio-weight", "Block IO weight (10 to 1000), 0 to disable")
	set.List(&f.blkioWeightDevice, "--blkio-weight-device", "Block IO weight of a device (path:weight)", nil)
	set.List(&f.readBps, "--device-read-bps", "Limit the read rate of a device (path:bytes)", nil)
	set.List(&f.writeBps, "--device-write-bps", "Limit the write rate of a device (path:bytes)", nil)
	set.List(&f.readIOps, "--device-read-iops", "Limit reads per second of a device", nil)
	set.List(&f.writeIOps, "--device-write-iops", "Limit writes per second of a device", nil)
	for _, names := range []string{"--cpu-count", "--cpu-percent", "--io-maxiops"} {
		set.Int64(&f.windows, names, "Refused: for daemons on Windows only")
	}
	set.String(&f.windowsSize, "--io-maxbandwidth", "Refused: for daemons on Windows only")
}

func (f *Flags) declareHealth(set *mflag.Set) {
	set.String(&f.healthCmd, "--health-cmd", "Command that checks the health")
	set.String(&f.healthInterval, "--health-interval", "Time between checks (ms|s|m|h)")
	set.String(&f.healthTimeout, "--health-timeout", "Longest time of one check (ms|s|m|h)")
	set.String(&f.healthStartPeriod, "--health-start-period", "Time in which failures do not count")
	set.String(&f.healthStartInterval, "--health-start-interval", "Time between checks at first")
	set.Int(&f.healthRetries, "--health-retries", "Failures in a row that mean unhealthy")
	set.Bool(&f.noHealthcheck, "--no-healthcheck", "Disable the health check of the image")
}
