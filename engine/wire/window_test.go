package wire

import "testing"

// take pushes n bytes into q and reads all but left of them.
func take(t *testing.T, q *queue, n, left int) (granted int) {
	t.Helper()
	for n > 0 {
		part := min(n, MaxPayload)
		if err := q.push(FrameData, make([]byte, part), nil); err != nil {
			t.Fatal(err)
		}
		n -= part
	}
	buf := make([]byte, MaxPayload)
	for q.held() > left {
		got, err := q.read(buf[:min(len(buf), q.held()-left)])
		if err != nil {
			t.Fatal(err)
		}
		granted += q.grant(got)
	}
	return granted
}

// held counts what lies in the queue.
func (q *queue) held() (n int) {
	for c := q.head; c != nil; c = c.next {
		n += c.w - c.r
	}
	return n
}

func TestWindowGrowsForReaderThatKeepsUp(t *testing.T) {
	var q queue
	q.open(DefaultWindow)
	for range 20 {
		take(t, &q, q.allowed, 0)
	}
	if q.window != maxWindow || q.allowed > maxWindow {
		t.Errorf("window %d, allowed %d; want %d", q.window, q.allowed, maxWindow)
	}
}

func TestWindowStaysForReaderThatLags(t *testing.T) {
	var q queue
	q.open(DefaultWindow)
	for range 20 {
		take(t, &q, q.allowed, 1)
	}
	if q.window != DefaultWindow || q.allowed+q.held() > DefaultWindow {
		t.Errorf("window %d, allowed %d and %d there; want %d together", q.window, q.allowed, q.held(), DefaultWindow)
	}
}

func TestWindowThatWasChosenStays(t *testing.T) {
	var q queue
	q.open(DefaultWindow / 4)
	for range 20 {
		take(t, &q, q.allowed, 0)
	}
	if q.window != DefaultWindow/4 || q.allowed > DefaultWindow/4 {
		t.Errorf("window %d, allowed %d; want %d", q.window, q.allowed, DefaultWindow/4)
	}
}
