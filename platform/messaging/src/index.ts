export { defineMessage, type Message, type MessageType } from './message.ts';
