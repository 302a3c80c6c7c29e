package client

import "os"

var fatalSignals = []os.Signal{os.Interrupt}

// resizeSignal is nil: the console does not tell.
var resizeSignal os.Signal

func proxiedSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "INT"
	}
	return ""
}

func signalNumber(os.Signal) int { return 2 }
