package tls12

import "encoding/binary"

// append8 and append16 append data with its length in front, in one and in two bytes.
func append8(b, data []byte) []byte { return append(append(b, byte(len(data))), data...) }

func append16(b, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

func uint16s(all ...uint16) (b []byte) {
	for _, n := range all {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

func extension(b []byte, id uint16, data []byte) []byte {
	return append16(binary.BigEndian.AppendUint16(b, id), data)
}

// reader takes values off the front. After the first that is not there it has failed
// and returns zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) bytes(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) uint8() byte    { return r.bytes(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.bytes(2)) }
