set -e
echo "{{ ti.task_id }} on $USER"
for number in 1 2 3; do
  echo "$number of 3"
done
