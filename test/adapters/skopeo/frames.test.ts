import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameReader, type Reply } from '../../../src/adapters/skopeo/frames.ts';

const BOUNDARY = 'skopeo-run.0123456789abcdef';

function frame({ status, stdout, stderr }: Reply): Buffer {
  return Buffer.concat([
    stdout,
    Buffer.from(`\n${BOUNDARY} ${status}\n`),
    Buffer.from(stderr),
    Buffer.from(`\n${BOUNDARY}\n`),
  ]);
}

function read(pieces: readonly Buffer[]): Reply[] {
  const reader = new FrameReader(BOUNDARY);
  return pieces.flatMap((piece) => reader.push(piece));
}

describe('FrameReader', () => {
  it('gives back exact bytes, wherever the output is split', () => {
    const replies = [
      { status: 0, stdout: Buffer.from('{"a":1}\n\n'), stderr: '' },
      { status: 1, stdout: Buffer.alloc(0), stderr: 'level=fatal msg="é"' },
      { status: 127, stdout: Buffer.from([0, 255, 10, 13]), stderr: '\n\n' },
    ];
    const bytes = Buffer.concat(replies.map(frame));
    for (let split = 0; split <= bytes.length; split++) {
      assert.deepEqual(read([bytes.subarray(0, split), bytes.subarray(split)]), replies);
    }
  });

  it('gives back any bytes, in any pieces', () => {
    const reply = fc
      .tuple(
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array({ maxLength: 60_000 }),
        fc.string({ unit: 'binary' }),
      )
      .map(([status, bytes, stderr]) => ({ status, stdout: Buffer.from(bytes), stderr }));
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 4 }), fc.integer({ min: 1, max: 5_000 }), (replies, size) => {
        const bytes = Buffer.concat(replies.map(frame));
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
        assert.deepEqual(read(pieces), replies);
      }),
      { numRuns: 50 },
    );
  });

  it('is not ended by what only resembles its boundary', () => {
    const stdout = Buffer.from(`${BOUNDARY} 0\n\n${BOUNDARY.slice(0, -1)} 0\n x${BOUNDARY}\n`);
    assert.deepEqual(read([frame({ status: 0, stdout, stderr: '' })]), [{ status: 0, stdout, stderr: '' }]);
  });
});
