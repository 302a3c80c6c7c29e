package engine

import (
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// ParseJob makes a job from text: words at white space, without quoting. A word
// with a "=" sets an env key, wherever it stands; the first other word is the
// name, the rest are the arguments.
func (e *Engine) ParseJob(text string) (*Job, error) {
	var words, settings []string
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, "=") {
			settings = append(settings, word)
		} else {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return nil, errdefs.InvalidArgument("empty command: '%s'", text)
	}
	job := e.Job(words[0], words[1:]...)
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		job.Setenv(key, value)
	}
	return job, nil
}
