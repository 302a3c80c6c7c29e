package server

import "strings"

// shapeImages edits the list of images.
func shapeImages() []shape {
	return []shape{
		rowsBefore(22, func(m members) { bareID(m, "Id", "ParentId") }),
		trimRows(0, 18, "RepoDigests", "Labels"),
		{below: v1(7), edit: oneRowPerTag},
	}
}

// oneRowPerTag is the list below 1.7.
func oneRowPerTag(doc any) any {
	list, ok := doc.([]any)
	if !ok {
		return doc
	}
	flat := make([]any, 0, len(list))
	for _, entry := range list {
		image, ok := entry.(members)
		if !ok {
			continue
		}
		tags, _ := image["RepoTags"].([]any)
		for _, tag := range tags {
			repo, name := splitTag(tag)
			flat = append(flat, members{
				"Repository": repo, "Tag": name, "Id": image["Id"], "Created": image["Created"],
				"Size": image["Size"], "VirtualSize": image["VirtualSize"],
			})
		}
	}
	return flat
}

// splitTag takes REPO:TAG apart: a colon before a slash belongs to a host.
func splitTag(v any) (repo, tag string) {
	ref, _ := v.(string)
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// shapeImageInspect edits one image.
func shapeImageInspect() []shape {
	return []shape{
		since(52, func(m members) {
			forget(m, "Parent", "DockerVersion")
			forgetEmpty(m, "Comment", "Author", "Created")
		}),
		since(50, func(m members) {
			forget(sub(m, "Config"), "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr",
				"Tty", "OpenStdin", "StdinOnce", "Image", "NetworkDisabled", "MacAddress", "StopTimeout")
			forgetEmpty(sub(m, "Config"), "User", "ExposedPorts", "Env", "Cmd", "Entrypoint", "Volumes",
				"WorkingDir", "Labels", "StopSignal", "OnBuild", "Healthcheck", "Shell")
		}),
		since(45, drop("Container", "ContainerConfig")),
		before(45, func(m members) { // docker-compose 1 reads it of every image, also of one that no container was made for
			if m["ContainerConfig"] == nil {
				of := members{}
				if volumes := sub(sub(m, "Config"), "Volumes"); len(volumes) > 0 {
					of["Volumes"] = volumes // ... and keeps those that it finds there
				}
				m["ContainerConfig"] = of
			}
		}),
		since(44, drop("VirtualSize")),
		before(44, func(m members) { m["VirtualSize"] = m["Size"] }),
		before(27, drop("Metadata")),
		before(23, drop("RootFS")),
		before(22, func(m members) { bareID(m, "Id", "Parent") }),
		before(21, drop("RepoTags", "RepoDigests")),
		before(20, drop("GraphDriver")),
		before(12, rawImage),
	}
}

// rawImage is the shape below 1.12, which was that of the image's own file.
func rawImage(m members) {
	for _, rename := range [][2]string{
		{"Id", "id"}, {"Parent", "parent"}, {"Comment", "comment"}, {"Created", "created"}, {"Container", "container"},
		{"ContainerConfig", "container_config"}, {"DockerVersion", "docker_version"}, {"Author", "author"},
		{"Config", "config"}, {"Architecture", "architecture"}, {"Os", "os"},
	} {
		if v, there := m[rename[0]]; there {
			m[rename[1]] = v
			delete(m, rename[0])
		}
	}
	forgetEmpty(m, "parent", "comment", "container", "docker_version", "author", "config", "architecture")
	forget(m, "VirtualSize", "Variant", "OsVersion")
}

// shapeHistory and shapeImageDelete edit the ids of images.
func shapeHistory() []shape {
	return []shape{rowsBefore(22, func(m members) { bareID(m, "Id") })}
}

func shapeImageDelete() []shape {
	return []shape{rowsBefore(22, func(m members) { bareID(m, "Deleted") })}
}
