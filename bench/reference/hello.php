<?php
header("x-pid: " . getmypid());
echo "Hello, world";
