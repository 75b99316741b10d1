import { describe } from 'node:test';
import { testRollingDeployment } from '../rolling-deployment.contract.ts';
import { useRabbitmqTestSystem } from './test-system.ts';
import { skipWithoutRabbitmq } from './testing.ts';

describe('a rolling deployment on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  testRollingDeployment(useRabbitmqTestSystem());
});
