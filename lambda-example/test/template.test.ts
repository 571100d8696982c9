import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseDocument } from "yaml";
import { buildHandlers } from "../scripts/build.ts";

const example = new URL("../", import.meta.url);
const tags = ["!Ref", "!Sub", "!GetAtt"].map((tag) => ({ tag, resolve: (text: string) => `${tag} ${text}` }));
const template: unknown = parseDocument(readFileSync(new URL("template.yaml", example), "utf8"), {
  customTags: tags,
  strict: true,
}).toJS();

it("puts the function where it can reach the cache, and lets nobody else in", () => {
  expect(template).toMatchObject({
    Resources: {
      ShopFunction: {
        Properties: {
          VpcConfig: { SubnetIds: "!Ref SubnetIds", SecurityGroupIds: ["!Ref FunctionSecurityGroup"] },
          Policies: ["AWSLambdaVPCAccessExecutionRole"],
        },
      },
      StreamFunction: {
        Properties: {
          VpcConfig: { SubnetIds: "!Ref SubnetIds", SecurityGroupIds: ["!Ref FunctionSecurityGroup"] },
          FunctionUrlConfig: { InvokeMode: "RESPONSE_STREAM" },
        },
      },
      CacheSecurityGroup: {
        Properties: {
          SecurityGroupIngress: [{ FromPort: 6379, ToPort: 6379, SourceSecurityGroupId: "!Ref FunctionSecurityGroup" }],
        },
      },
      Cache: { Properties: { SubnetIds: "!Ref SubnetIds", SecurityGroupIds: ["!Ref CacheSecurityGroup"] } },
    },
  });
});

it("deploys the file that is built, with the variables that the code reads", async () => {
  await buildHandlers();
  expect(template).toMatchObject({
    Resources: {
      ShopFunction: { Properties: { CodeUri: "dist/", Handler: "handler.handler" } },
      StreamFunction: { Properties: { CodeUri: "dist/", Handler: "stream.handler" } },
    },
  });
  for (const name of ["handler", "stream"]) expect(existsSync(new URL(`dist/${name}.mjs`, example))).toBe(true);
  const code = readFileSync(new URL("src/redis.ts", example), "utf8");
  for (const name of ["REDIS_URL", "REDIS_CLUSTER"]) {
    expect(template).toHaveProperty(`Resources.ShopFunction.Properties.Environment.Variables.${name}`);
    expect(template).toHaveProperty(`Resources.StreamFunction.Properties.Environment.Variables.${name}`);
    expect(code).toContain(name);
  }
});
