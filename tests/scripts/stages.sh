# Sourced: runs named stages one after the other, stops at the first that fails, prints how long each took.

stage_names=()
stage_times=()

stage() {
  local name=$1 begin=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if ! "$@"; then
    stage_names+=("$name (FAILED)")
    stage_times+=($((SECONDS - begin)))
    stages_report
    exit 1
  fi
  stage_names+=("$name")
  stage_times+=($((SECONDS - begin)))
}

stages_report() {
  printf '\n=== time per stage\n'
  for i in "${!stage_names[@]}"; do printf '%5d s  %s\n' "${stage_times[$i]}" "${stage_names[$i]}"; done
  printf '%5d s  in all\n' "$SECONDS"
}
