/**
 * A gzip file that is appended to piece by piece: each piece is a member of its own (RFC 1952, 2.2), so `zcat` prints all
 * of them. A member's size stands in its header's extra field, as in the BGZF files of genomics (there under other
 * letters): so members are found, and read by themselves, without unpacking those before them, and one that a crash has
 * cut short is recognised.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

/** Magic number, deflate, "there is an extra field"; no time, no flags, unknown system; 8 bytes of extra field, `RC`, 4. */
const PREFIX = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x52, 0x43, 4, 0]);
/** The prefix, and the member's size. */
const HEADER_BYTES = PREFIX.length + 4;
/** CRC-32 and length of the content. */
const TRAILER_BYTES = 8;
const CHUNK_BYTES = 64 * 1024;

/** A piece of text as a member. */
export function packMember(text: string): Buffer {
  const content = Buffer.from(text);
  const packed = deflateRawSync(content);
  const header = Buffer.alloc(HEADER_BYTES);
  PREFIX.copy(header);
  header.writeUInt32LE(HEADER_BYTES + packed.length + TRAILER_BYTES, PREFIX.length);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(content));
  trailer.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, packed, trailer]);
}

interface Member {
  /** Where it begins. */
  readonly at: number;
  readonly size: number;
  readonly text: string;
}

/** Every whole member, in its order; what is damaged is passed over, and told as `undefined`. */
export async function* readMembers(file: FileHandle): AsyncGenerator<Member | undefined, void> {
  const { size: end } = await file.stat();
  for (let at = 0; at < end; ) {
    const member = await readMember(file, at);
    yield member;
    at = member ? at + member.size : await findPrefix(file, { from: at + 1, end });
  }
}

/** The member that begins there; `undefined` when there is no whole one. */
export async function readMember(file: FileHandle, at: number): Promise<Member | undefined> {
  const header = await readBytes(file, at, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
  const size = header.readUInt32LE(PREFIX.length);
  const { size: end } = await file.stat();
  if (size < HEADER_BYTES + TRAILER_BYTES || at + size > end) return undefined;
  const rest = await readBytes(file, at + HEADER_BYTES, size - HEADER_BYTES);
  const content = unpack(rest);
  return content && { at, size, text: content.toString('utf8') };
}

function unpack(rest: Buffer): Buffer | undefined {
  const trailer = rest.subarray(-TRAILER_BYTES);
  const length = trailer.readUInt32LE(4);
  try {
    const content = inflateRawSync(rest.subarray(0, -TRAILER_BYTES), { maxOutputLength: length + 1 });
    return content.length === length && crc32(content) === trailer.readUInt32LE() ? content : undefined;
  } catch {
    return undefined;
  }
}

/** Where the next member may begin; the end when there is none. */
async function findPrefix(file: FileHandle, { from, end }: { from: number; end: number }): Promise<number> {
  for (let at = from; at < end; at += CHUNK_BYTES) {
    const found = (await readBytes(file, at, CHUNK_BYTES + PREFIX.length - 1)).indexOf(PREFIX);
    if (found >= 0) return at + found;
  }
  return end;
}

async function readBytes(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, at + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}
