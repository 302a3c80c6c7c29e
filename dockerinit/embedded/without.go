//go:build !embed_dockerinit

package embedded

var binary []byte
