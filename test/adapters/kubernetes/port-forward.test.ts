import { connect } from './support/connection.ts';
import { testDialer } from './support/dialer-contract.ts';

testDialer("a connection to the registry's own pod", {
  async dialer(sandbox) {
    return (await connect(sandbox.kubeconfig)).portForward({ port: 5000 });
  },
  drop: { fault: 'dropForward' },
  losePod: { fault: 'losePod', pod: 'docker-registry-0' },
});
