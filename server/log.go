package server

import (
	"io"

	"github.com/enginejobs/docker/errdefs"
	"github.com/sirupsen/logrus"
)

// NewLog returns the log of a process: lines with time and level, from level
// on (debug, info, warn, error, fatal).
func NewLog(w io.Writer, level string) (Logger, error) {
	least, err := logrus.ParseLevel(level)
	if err != nil {
		return nil, errdefs.InvalidArgument("Unable to parse logging level: %s", level)
	}
	log := logrus.New()
	log.SetOutput(w)
	log.SetLevel(least)
	log.SetFormatter(&logrus.TextFormatter{
		FullTimestamp: true, DisableColors: true, TimestampFormat: "2006-01-02T15:04:05.000000Z07:00",
	})
	return log, nil
}
