"""Evaluating a defender on prompt sets in local files: HarmBench, XSTest, your own.

    file -> loader -> `PromptSet` -> `evaluate_prompt_set`: answers, verdicts -> report

| layout | loader |
|---|---|
| harmbench | `harmbench` |
| beavertails | `beavertails` |
| xstest | `xstest` |
| toxicchat | `toxicchat` |
| or-bench | `or_bench` |
| columns | `columns`: any file, by the names of its columns |

Nothing is downloaded: each loader's page says where its file comes from, under which licence.
"""
