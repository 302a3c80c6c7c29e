package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

const headerSize = 24

// header is the fixed part of a record; see Form in the package comment.
type header [headerSize]byte

// seal makes the header of a record.
func seal(table *crc32.Table, generation uint64, kind byte, data []byte) (h header) {
	binary.LittleEndian.PutUint32(h[0:], uint32(len(data)))
	binary.LittleEndian.PutUint64(h[8:], generation)
	h[16] = kind
	binary.LittleEndian.PutUint32(h[4:], h.sum(table, data))
	return h
}

// sum covers everything in a record but itself.
func (h *header) sum(table *crc32.Table, data []byte) uint32 {
	sum := crc32.Update(0, table, h[0:4])
	sum = crc32.Update(sum, table, h[8:])
	return crc32.Update(sum, table, data)
}

func (h *header) length() int64      { return int64(binary.LittleEndian.Uint32(h[0:])) }
func (h *header) stored() uint32     { return binary.LittleEndian.Uint32(h[4:]) }
func (h *header) generation() uint64 { return binary.LittleEndian.Uint64(h[8:]) }

// castagnoli is the table of CRC-32C; the package crc32 keeps one for all.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// read opens a file, if it is there, and finds its records and their end.
func (fl *file) read() ([]Record, error) {
	f, err := os.OpenFile(fl.name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fl.f = f
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	fl.room = info.Size()
	var list []Record
	for table := castagnoli(); ; {
		h, data, err := fl.next(table)
		if err != nil {
			return nil, fmt.Errorf("reading the log %s: %w", fl.name, err)
		}
		if h == nil {
			return list, nil
		}
		if fl.generation == 0 {
			fl.generation = h.generation()
		} else {
			list = append(list, Record{Kind: h[16], Data: data})
		}
		fl.end += headerSize + h.length()
	}
}

// next reads the record at end; none when there is no whole one that belongs there.
func (fl *file) next(table *crc32.Table) (*header, []byte, error) {
	var h header
	if fl.room-fl.end < headerSize {
		return nil, nil, nil
	}
	if _, err := fl.f.ReadAt(h[:], fl.end); err != nil {
		return nil, nil, cutOff(err)
	}
	first := fl.generation == 0
	if n := h.length(); n > MostData || n > fl.room-fl.end-headerSize || first != (h[16] == 0) {
		return nil, nil, nil
	}
	if g := h.generation(); g == 0 || !first && g != fl.generation {
		return nil, nil, nil
	}
	data := make([]byte, h.length())
	if _, err := fl.f.ReadAt(data, fl.end+headerSize); err != nil {
		return nil, nil, cutOff(err)
	}
	if h.sum(table, data) != h.stored() {
		return nil, nil, nil
	}
	return &h, data, nil
}

// cutOff takes the end of a file for the end of its records.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (fl *file) create() error {
	f, err := os.OpenFile(fl.name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	fl.f, fl.room = f, 0
	return nil
}

// append writes one record at the end. Call it with the log's mu held.
func (fl *file) append(kind byte, data []byte) error {
	h := seal(castagnoli(), fl.generation, kind, data)
	need := fl.end + headerSize + int64(len(data))
	if need > fl.room {
		room := (need + step - 1) / step * step
		if _, err := fl.f.WriteAt(make([]byte, room-fl.room), fl.room); err != nil {
			return fmt.Errorf("making room in the log %s: %w", fl.name, err)
		}
		fl.room = room
	}
	if _, err := fl.f.WriteAt(append(h[:], data...), fl.end); err != nil {
		return fmt.Errorf("writing the log %s: %w", fl.name, err)
	}
	fl.end = need
	return nil
}

// shrink gives the space back that one busy hour has taken.
func (fl *file) shrink() error {
	if fl.room <= keep {
		return nil
	}
	if err := fl.f.Truncate(keep); err != nil {
		return err
	}
	fl.room = keep
	return nil
}
