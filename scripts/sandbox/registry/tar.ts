const blockBytes = 512;

/** A tar archive (ustar) of one small text file: the least that a layer of an image can be. */
export function tarOf(path: string, text: string): Buffer {
  const content = Buffer.from(text);
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
  return Buffer.concat([header(path, content.length), content, padding, Buffer.alloc(2 * blockBytes)]);
}

function header(path: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(path, 0);
  block.write(octal(0o644, 8), 100);
  block.write(octal(0, 8) + octal(0, 8), 108);
  block.write(octal(sizeBytes, 12), 124);
  block.write(octal(0, 12), 136);
  block.write(' '.repeat(8), 148); // the checksum counts its own field as blanks
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  return block;
}
