import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createLocalShell } from '../../../src/adapters/local-shell.ts';
import { createSkopeoRegistry } from '../../../src/adapters/skopeo/registry.ts';
import { UsageError } from '../../../src/domain/errors.ts';
import type { Repository, Tag } from '../../../src/domain/names.ts';
import { startRegistry } from '../../support/registry.ts';
import { until } from './fake-skopeo.ts';

const SIGNAL = new AbortController().signal;

/** The arguments and the environment of every process but this one. */
function* processes(): Generator<{ command: string; environment: string }> {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      const [command, environment] = ['cmdline', 'environ'].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8'),
      );
      yield { command: command ?? '', environment: environment ?? '' };
    } catch {
      // It has ended meanwhile.
    }
  }
}

describe('the password', () => {
  it('is in no argument list and no environment while Skopeo logs in and works', async () => {
    await using server = await startRegistry();
    await using shell = createLocalShell();
    const { host, credentials } = server;
    assert.ok(credentials);
    process.env.SKOPEO_PASSWORD = credentials.password;
    const registry = createSkopeoRegistry({
      ...{ shell, credentials, registry: host, tls: false, concurrency: 2 },
      run: `secrets-${process.pid}`,
      signal: SIGNAL,
    });
    const seen = new Set<string>();
    const look = () => {
      for (const { command, environment } of processes()) {
        assert.ok(!command.includes(credentials.password), command);
        assert.ok(!environment.includes(credentials.password), command);
        for (const operation of ['login', 'inspect'])
          if (command.startsWith('skopeo') && command.includes(operation)) seen.add(operation);
      }
    };
    try {
      await server.putImage('secrets', ['one']);
      let working = true;
      const work = (async () => {
        while (working) {
          await registry.check(SIGNAL);
          await registry.resolve('secrets' as Repository, 'one' as Tag);
        }
      })();
      await until('Skopeo was seen logging in and inspecting', () => {
        look();
        return seen.size === 2;
      });
      working = false;
      await work;
    } finally {
      delete process.env.SKOPEO_PASSWORD;
      await registry.close();
    }
  });

  it('with a line break in it is refused, without being shown', async () => {
    await using shell = createLocalShell();
    const options = { shell, registry: 'r:5000', tls: false, concurrency: 1, run: 'x', signal: SIGNAL };
    for (const password of ['s3cret\n', 's3\rcret', 's3cret\0']) {
      assert.throws(
        () => createSkopeoRegistry({ ...options, credentials: { username: 'u', password } }),
        (error) => error instanceof UsageError && !/s3/.test(error.message + error.next),
      );
    }
  });
});

describe('the address of the registry', () => {
  it('must be one, and must not be taken for a repository of the Docker Hub', async () => {
    await using shell = createLocalShell();
    const options = { shell, credentials: undefined, tls: false, concurrency: 1, run: 'x', signal: SIGNAL };
    for (const registry of [
      '',
      'docker-registry',
      'a b:1',
      'http://r:5000',
      'r:5000/x',
      'r:123456',
      "r';id;'",
    ])
      assert.throws(() => createSkopeoRegistry({ ...options, registry }), UsageError, registry);
    for (const registry of [
      'docker-registry:5000',
      'r.example.org',
      'localhost',
      '127.0.0.1:1',
      '[::1]:5000',
    ])
      assert.ok(createSkopeoRegistry({ ...options, registry }));
  });
});
