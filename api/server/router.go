package server

import "strings"

// router finds the row of a request: the first whose method and path fit. Paths of
// rows are fixed, or have one variable, {NAME:.+}, which takes any text but none and
// no line break. There are few rows and all are looked at: to compare beginnings and
// ends costs less than to find out what not to compare.
type router []pattern

// pattern is a row with its path taken apart.
type pattern struct {
	row            *route
	prefix, suffix string // of the variable; a fixed path is all prefix
	variable       string // "" when the path is fixed
}

// newRouter binds the table. Paths carry no version here: serve takes it off.
func newRouter(table []route) router {
	r := make(router, len(table))
	for i := range table {
		p := pattern{row: &table[i], prefix: table[i].path}
		if before, rest, found := strings.Cut(p.prefix, "{"); found {
			p.prefix = before
			p.variable, p.suffix, _ = strings.Cut(rest, ":.+}")
		}
		r[i] = p
	}
	return r
}

// find returns the row for a request with what its variable stands for; nil when
// there is none.
func (r router) find(method, path string) (*route, map[string]string) {
	for i := range r {
		p := &r[i]
		if p.row.method != method {
			continue
		}
		if p.variable == "" {
			if p.prefix == path {
				return p.row, nil
			}
			continue
		}
		if value, ok := p.value(path); ok {
			return p.row, map[string]string{p.variable: value}
		}
	}
	return nil, nil
}

func (p *pattern) value(path string) (string, bool) {
	if len(path) <= len(p.prefix)+len(p.suffix) || !strings.HasPrefix(path, p.prefix) || !strings.HasSuffix(path, p.suffix) {
		return "", false
	}
	value := path[len(p.prefix) : len(path)-len(p.suffix)]
	return value, !strings.Contains(value, "\n")
}
