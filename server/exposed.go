package server

import "strings"

// exposed says which listeners whoever reaches them can use, and what to do.
func (c *Config) exposed() []string {
	var list []string
	for _, host := range c.Hosts {
		address, tcp := strings.CutPrefix(host, "tcp://")
		switch {
		case !tcp, c.TLS.On && c.TLS.Verify:
		case c.TLS.On:
			list = append(list, "WARNING: API is accessible on https://"+address+" without TLS client verification: "+
				"who may use it is root on this host; use --tlsverify with --tlscacert")
		default:
			list = append(list, "WARNING: API is accessible on http://"+address+" without encryption: "+
				"who may use it is root on this host; use --tlsverify, or the unix socket by ssh://")
		}
	}
	return list
}
