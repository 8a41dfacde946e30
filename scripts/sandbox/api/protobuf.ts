import { badRequest } from './status.ts';

/** Media type of Kubernetes' own binary encoding. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = 'k8s\0';

/** Fields of `ResourceAttributes` by their numbers (k8s.io/api/authorization/v1/generated.proto). */
const resourceAttributes = ['', 'namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'];

/**
 * Reads a SelfSubjectAccessReview in the binary encoding, in which `kubectl auth can-i` sends it; the
 * one object that anybody sends so.
 *
 * @throws {ApiError} 400 for anything else
 */
export function readAccessReview(bytes: Buffer): object {
  if (bytes.subarray(0, 4).toString('latin1') !== magic) throw badRequest('the body is not protobuf');
  const raw = message(bytes.subarray(4)).get(2) ?? Buffer.alloc(0);
  const spec = message(raw).get(2) ?? Buffer.alloc(0);
  const attributes = message(spec).get(1);
  if (attributes === undefined) return { spec: { nonResourceAttributes: {} } };
  const named = [...message(attributes)].map(([field, value]) => [
    resourceAttributes[field],
    value.toString(),
  ]);
  return { spec: { resourceAttributes: Object.fromEntries(named.filter(([name]) => name)) } };
}

/** Splits a protobuf message whose fields are all of variable length. */
function message(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const key = varint(bytes, at);
    const length = varint(bytes, key.end);
    if ((key.value & 7) !== 2 || length.end + length.value > bytes.length)
      throw badRequest('unexpected protobuf');
    fields.set(key.value >> 3, bytes.subarray(length.end, length.end + length.value));
    at = length.end + length.value;
  }
  return fields;
}

function varint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start; at < Math.min(bytes.length, start + 4); at += 1) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 0x7f) << (7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw badRequest('unexpected protobuf');
}
