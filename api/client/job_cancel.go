package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/mflag"
)

const jobCancelHelp = `JOB is an id that 'docker job ls' shows, or the number behind its dot. A job
that is cancelled ends a moment later, and its children with it.
`

func newJobCancel(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, ids []string) error {
		return cli.withJobs(ctx, func(eng jobEngine) error {
			return cli.each(ids, "cancel", "jobs", func(id string) error {
				if err := eng.Job("job_cancel", id).SetContext(ctx).Run(); err != nil {
					return jobFailure(ctx, err)
				}
				fmt.Fprintln(cli.Out, id)
				return nil
			})
		})
	}
}
