package server

import "encoding/json"

// shapeDiskUsage adds what every version but the newest has, and since 1.52 moves
// the lists into one object for each kind.
func shapeDiskUsage() []shape {
	return []shape{
		before(52, func(m members) {
			for _, name := range []string{"Images", "Containers", "Volumes", "BuildCache"} {
				if m[name] == nil {
					m[name] = []any{}
				}
			}
		}),
		before(42, func(m members) {
			caches, _ := m["BuildCache"].([]any)
			var size int64
			for _, row := range caches {
				if cache, ok := row.(members); ok {
					size += number(cache["Size"])
				}
			}
			m["BuilderSize"] = size
		}),
		since(44, func(m members) {
			images, _ := m["Images"].([]any)
			for _, row := range images {
				if image, ok := row.(members); ok {
					forget(image, "VirtualSize")
				}
			}
		}),
		since(52, usageByKind),
	}
}

// usageByKind is the answer of 1.52 and later.
func usageByKind(m members) {
	for _, k := range []struct{ list, kind string }{
		{"Images", "ImageUsage"}, {"Containers", "ContainerUsage"}, {"Volumes", "VolumeUsage"}, {"BuildCache", "BuildCacheUsage"},
	} {
		rows, ok := m[k.list].([]any)
		if !ok {
			continue
		}
		var total, active int64
		for _, row := range rows {
			r, _ := row.(members)
			size, used := usageOf(k.list, r)
			total += max(size, 0)
			if used {
				active++
			}
		}
		if k.list == "Images" {
			total = number(m["LayersSize"])
		}
		m[k.kind] = members{"TotalCount": len(rows), "ActiveCount": active, "TotalSize": total, "Reclaimable": reclaimable(k.list, rows), "Items": rows}
		delete(m, k.list)
	}
	if m["BuildCacheUsage"] == nil {
		m["BuildCacheUsage"] = members{"TotalCount": 0, "ActiveCount": 0, "TotalSize": 0, "Reclaimable": 0, "Items": []any{}}
	}
	delete(m, "LayersSize")
}

// usageOf gives the size of a row and whether something uses it.
func usageOf(list string, r members) (size int64, used bool) {
	switch list {
	case "Images":
		return number(r["Size"]), number(r["Containers"]) > 0
	case "Containers":
		return number(r["SizeRw"]), r["State"] == "running" || r["State"] == "paused" || r["State"] == "restarting"
	case "BuildCache":
		used, _ := r["InUse"].(bool)
		return number(r["Size"]), used
	}
	usage := sub(r, "UsageData")
	return number(usage["Size"]), number(usage["RefCount"]) > 0
}

// reclaimable is the size of the rows that nothing uses.
func reclaimable(list string, rows []any) (size int64) {
	for _, row := range rows {
		r, _ := row.(members)
		if n, used := usageOf(list, r); !used {
			size += max(n, 0)
		}
	}
	return size
}

// number reads a whole number of a document, 0 for anything else.
func number(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

// shapeBuildPrune edits the answer of build/prune, which told below 1.39 how much
// it freed, and not what.
func shapeBuildPrune() []shape {
	return []shape{before(39, drop("CachesDeleted"))}
}
