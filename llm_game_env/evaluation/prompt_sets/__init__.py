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

An evaluation is resumed where it was cut off: `evaluating` says how, `batch_log` what a file holds,
`settings` what answers depend on, `identity` what keeps players and judges apart, `report` what is
counted. `llm-game evaluate --out FOLDER` does it all.

Nothing is downloaded: each loader's page says where its file comes from, under which licence.
"""
