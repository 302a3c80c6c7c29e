//go:build !linux

package volumes

func isMountPoint(string) bool { return false }
