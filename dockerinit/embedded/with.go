//go:build embed_dockerinit

package embedded

import _ "embed" // for the directive below

//go:embed dockerinit
var binary []byte
