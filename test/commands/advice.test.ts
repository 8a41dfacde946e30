import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from '../../src/cli/command-line.ts';
import { recoverCommand, undoCommand } from '../../src/commands/advice.ts';
import { options } from '../support/fakes/world.ts';

describe('the command to recover with', () => {
  it('is short where nothing says where', () => {
    assert.equal(recoverCommand(options()), 'npm run clean -- recover');
    assert.equal(recoverCommand(options({ concurrency: '3', registry: 'r:1' })), 'npm run clean -- recover');
  });

  it('goes to the same cluster and workload, quoted for a shell', () => {
    const given = options({
      context: "ann's prod",
      kubeconfig: '/home/ann/.kube/prod',
      namespace: 'registries',
      'registry-workload': 'deployment/registry',
      'registry-container': 'main',
    });
    assert.equal(
      recoverCommand(given),
      `npm run clean -- recover --kubeconfig /home/ann/.kube/prod --context 'ann'\\''s prod' --namespace registries --registry-workload deployment/registry --registry-container main`,
    );
  });
});

describe('a command that is told', () => {
  it('has no option that does not go with it', () => {
    const given = options({
      ...{ context: 'prod', kubeconfig: '/kube', namespace: 'registries' },
      ...{ 'registry-workload': 'deployment/registry', 'registry-container': 'main' },
    });
    for (const told of [recoverCommand(given), undoCommand(given, '20261123T100001Z-000001')]) {
      const words = told.replace('npm run clean -- ', '').split(' ');
      assert.equal(Object.keys(parse(words)?.flags ?? {}).length, 5, told);
    }
  });
});
