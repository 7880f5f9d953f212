package tls12

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordData             = 23

	version12 = 0x0303

	maxPlaintext  = 16384               // bytes in a record (RFC 5246 §6.2.1)
	maxCiphertext = maxPlaintext + 2048 // §6.2.3
)

// Conn is the connection after the handshake. One goroutine may read while another
// writes.
type Conn struct {
	net.Conn

	in, out  half
	pending  []byte // decrypted and not yet read
	protocol string
}

// NegotiatedProtocol is the protocol the server chose by ALPN, or "".
func (c *Conn) NegotiatedProtocol() string { return c.protocol }

// half protects one direction. With a nil aead it does nothing, as before Finished.
type half struct {
	aead cipher.AEAD
	salt []byte // the implicit part of the nonce (RFC 5288 §3)
	seq  uint64
}

func newHalf(key, salt []byte) half {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length of the key is ours
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES always has GCM
	}
	return half{aead: aead, salt: salt}
}

// additional is the data that is authenticated but not sent (RFC 5246 §6.2.3.3).
func (h *half) additional(kind byte, length int) []byte {
	data := binary.BigEndian.AppendUint64(nil, h.seq)
	data = append(data, kind, version12>>8, version12&0xff)
	return binary.BigEndian.AppendUint16(data, uint16(length))
}

func (h *half) seal(kind byte, plain []byte) []byte {
	if h.aead == nil {
		return plain
	}
	explicit := binary.BigEndian.AppendUint64(nil, h.seq)
	nonce := append(append([]byte{}, h.salt...), explicit...)
	sealed := h.aead.Seal(explicit, nonce, plain, h.additional(kind, len(plain)))
	h.seq++
	return sealed
}

func (h *half) open(kind byte, sealed []byte) ([]byte, error) {
	if h.aead == nil {
		return sealed, nil
	}
	const explicit = 8
	if len(sealed) < explicit+h.aead.Overhead() {
		return nil, errMalformed
	}
	nonce := append(append([]byte{}, h.salt...), sealed[:explicit]...)
	length := len(sealed) - explicit - h.aead.Overhead()
	plain, err := h.aead.Open(nil, nonce, sealed[explicit:], h.additional(kind, length))
	h.seq++
	return plain, err
}

// readRecord returns the next record that is not a warning. The end that the server
// announces is io.EOF.
func (c *Conn) readRecord() (kind byte, plain []byte, err error) {
	for {
		if kind, plain, err = c.readAnyRecord(); err != nil || kind != recordAlert {
			return kind, plain, err
		}
		const fatal, closeNotify = 2, 0
		switch {
		case len(plain) != 2:
			return 0, nil, errMalformed
		case plain[1] == closeNotify:
			return 0, nil, io.EOF
		case plain[0] == fatal:
			return 0, nil, alertMeaning(plain[1])
		}
	}
}

func (c *Conn) readAnyRecord() (byte, []byte, error) {
	var header [5]byte
	if _, err := io.ReadFull(c.Conn, header[:]); err != nil {
		return 0, nil, err
	}
	length := int(binary.BigEndian.Uint16(header[3:]))
	if header[1] != version12>>8 || length > maxCiphertext {
		return 0, nil, errMalformed
	}
	sealed := make([]byte, length)
	if _, err := io.ReadFull(c.Conn, sealed); err != nil {
		return 0, nil, unexpected(err)
	}
	plain, err := c.in.open(header[0], sealed)
	return header[0], plain, err
}

// unexpected is an end in the middle of something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Conn) writeRecord(kind byte, plain []byte) error {
	sealed := c.out.seal(kind, plain)
	record := []byte{kind, version12 >> 8, version12 & 0xff}
	record = binary.BigEndian.AppendUint16(record, uint16(len(sealed)))
	_, err := c.Conn.Write(append(record, sealed...))
	return err
}

// Read passes over what belongs to the handshake: the server's wish for another one is
// refused by silence (RFC 5246 §7.4.1.1), as load balancers do.
func (c *Conn) Read(p []byte) (int, error) {
	for len(c.pending) == 0 {
		kind, plain, err := c.readRecord()
		if err != nil {
			return 0, err
		}
		if kind == recordData {
			c.pending = plain
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *Conn) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		chunk := p[:min(len(p), maxPlaintext)]
		if err := c.writeRecord(recordData, chunk); err != nil {
			return written, err
		}
		written += len(chunk)
		p = p[len(chunk):]
	}
	return written, nil
}
