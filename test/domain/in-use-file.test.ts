import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInUseFile } from '../../src/domain/in-use-file.ts';
import { A, digest } from './builders.ts';

describe('the file of images in use', () => {
  it('has an image a line, of whatever repository, and says where it stands', () => {
    const text = `\uFEFF# from the other cluster\r\n\r\n\tdocker-registry:5000/domino-${A}:31 # run 7\nnginx\n  domino-${A}@${digest('d')}`;
    assert.deepEqual(parseInUseFile(text), {
      uses: [
        { image: `docker-registry:5000/domino-${A}:31`, by: 'line 3 of the in-use file' },
        { image: 'nginx', by: 'line 4 of the in-use file' },
        { image: `domino-${A}@${digest('d')}`, by: 'line 5 of the in-use file' },
      ],
      faults: [],
    });
  });

  it('may be empty', () => assert.deepEqual(parseInUseFile('# nothing\n'), { uses: [], faults: [] }));

  it('tells all its faults at once', () => {
    const { uses, faults } = parseInUseFile(
      [`${A}-31`, 'nginx redis', 'Nginx:1', 'fine:1', `domino-${A}:31:7`].join('\n'),
    );
    assert.deepEqual(
      uses.map(({ image }) => image),
      ['fine:1'],
    );
    assert.deepEqual(
      faults.map(({ line, text }) => [line, text]),
      [
        [1, `${A}-31`],
        [2, 'redis'],
        [3, 'Nginx:1'],
        [5, `domino-${A}:31:7`],
      ],
    );
    assert.match(faults[0]?.problem ?? '', new RegExp(`write dominodatalab/environment:${A}-31`));
    for (const { problem } of faults) assert.match(problem, /\w+ \w+/);
  });
});
