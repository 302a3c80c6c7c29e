package cliconfig

import "encoding/json"

// Proxies are the variables that containers and builds of a daemon get, named by
// its address or else "default" in the member proxies: HTTP_PROXY and so on, in
// both spellings.
func (f *File) Proxies(host string) map[string]string {
	type proxies struct{ HTTPProxy, HTTPSProxy, NoProxy, FTPProxy, AllProxy string }
	var all map[string]proxies
	_ = json.Unmarshal(f.members["proxies"], &all) // what is none says nothing
	p, ok := all[host]
	if !ok {
		p = all["default"]
	}
	vars := make(map[string]string)
	for name, value := range map[string]string{
		"HTTP_PROXY": p.HTTPProxy, "HTTPS_PROXY": p.HTTPSProxy, "NO_PROXY": p.NoProxy, "FTP_PROXY": p.FTPProxy, "ALL_PROXY": p.AllProxy,
		"http_proxy": p.HTTPProxy, "https_proxy": p.HTTPSProxy, "no_proxy": p.NoProxy, "ftp_proxy": p.FTPProxy, "all_proxy": p.AllProxy,
	} {
		if value != "" {
			vars[name] = value
		}
	}
	return vars
}
