package native

import (
	"context"
	"testing"
)

// contextOf is for clean-up, when the context of the test has ended.
func contextOf(testing.TB) context.Context { return context.Background() }
