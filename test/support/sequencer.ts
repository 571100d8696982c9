import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Starts the project `workerd` first. In its longest file one test at a time runs in one Worker, which leaves a core idle for minutes if
 * nothing is left to run beside it.
 */
export class WorkersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isInWorkerd), ...sorted.filter((file) => !isInWorkerd(file))];
  }
}

function isInWorkerd({ project }: TestSpecification): boolean {
  return project.name === "workerd";
}
