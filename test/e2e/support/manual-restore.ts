/** Does what the printed `kubectl patch` command does, as kubectl would do it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';

/** @param command the line as it is printed, to be copied into a shell */
export async function applyManualRestore(command: string, sandbox: Sandbox): Promise<void> {
  assert.match(command, /^kubectl .*patch (statefulset|deployment)\//);
  // A real shell takes the quotes off, as it would for an administrator.
  const words = execFileSync('sh', ['-c', `kubectl() { printf '%s\\0' "$@"; }; ${command}`], {
    encoding: 'utf8',
  })
    .split('\0')
    .slice(0, -1);
  const option = (name: string) => words[words.indexOf(name) + 1] ?? '';
  assert.equal(option('--context'), sandbox.context);
  assert.ok(words.includes('--type=json'));
  const [kind, name] = (words.find((word) => /^(statefulset|deployment)\//.test(word)) ?? '').split('/');
  const path = `/apis/apps/v1/namespaces/${option('-n')}/${kind}s/${name}`;
  assert.equal(await patch(sandbox, { path, body: option('-p') }), 200);
}

async function patch(sandbox: Sandbox, { path, body }: { path: string; body: string }): Promise<number> {
  const { clusters, users } = JSON.parse(readFileSync(sandbox.kubeconfig, 'utf8'));
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const headers = {
    authorization: `Bearer ${users[0].user.token}`,
    'content-type': 'application/json-patch+json',
  };
  return await new Promise((resolve, reject) => {
    const call = request(
      `${server}${path}`,
      { method: 'PATCH', headers, ca: Buffer.from(ca, 'base64') },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}
