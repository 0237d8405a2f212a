// The SDK for JavaScript against the endpoint: what it finds, as one line of JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.CLIENTS}/`);
const { KMSClient, EncryptCommand, DecryptCommand, GenerateMacCommand, CreateKeyCommand,
  paginateListKeys } = require("@aws-sdk/client-kms");
const { STSClient, GetCallerIdentityCommand, AssumeRoleCommand } = require("@aws-sdk/client-sts");
const { IAMClient, CreateRoleCommand, PutRolePolicyCommand } = require("@aws-sdk/client-iam");

const found = {};
const kms = new KMSClient({});
const context = { department: "payroll" };
const sealed = await kms.send(new EncryptCommand({
  KeyId: "alias/app", Plaintext: Buffer.from("salary list"), EncryptionContext: context,
}));
const opened = await kms.send(new DecryptCommand({
  CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: context,
}));
found.plaintext = Buffer.from(opened.Plaintext).toString();
try {
  await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
} catch (error) {
  found.wrongContext = error.name;
}

const hmac = await kms.send(new CreateKeyCommand({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }));
found.created = hmac.KeyMetadata.CreationDate instanceof Date;
const mac = await kms.send(new GenerateMacCommand({
  KeyId: hmac.KeyMetadata.KeyId, Message: Buffer.from("x"), MacAlgorithm: "HMAC_SHA_256",
}));
found.mac = mac.Mac.length;
await kms.send(new CreateKeyCommand({}));
found.pages = [];
for await (const page of paginateListKeys({ client: kms, pageSize: 2 }, {})) {
  found.pages.push(page.Keys.length);
}

const sts = new STSClient({});
const me = await sts.send(new GetCallerIdentityCommand({}));
found.caller = me.Arn;
const iam = new IAMClient({});
const { Role } = await iam.send(new CreateRoleCommand({
  RoleName: "reader",
  AssumeRolePolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: me.Account }, Action: "sts:AssumeRole" }],
  }),
}));
await iam.send(new PutRolePolicyCommand({
  RoleName: "reader", PolicyName: "p",
  PolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "kms:Encrypt", Resource: "*" }],
  }),
}));
const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "js" }));
const reader = new KMSClient({ credentials: {
  accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey,
  sessionToken: Credentials.SessionToken,
} });
const own = await reader.send(new EncryptCommand({ KeyId: "alias/app", Plaintext: Buffer.from("x") }));
found.encryptedBySession = own.KeyId.startsWith("arn:aws:kms:");
try {
  await reader.send(new DecryptCommand({ CiphertextBlob: own.CiphertextBlob }));
} catch (error) {
  found.refused = [error.name, error.message];
}
console.log(JSON.stringify(found));
