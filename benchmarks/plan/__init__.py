"""What a number of files a day comes to: minutes until their results, jobs, dollars, what breaks first."""
