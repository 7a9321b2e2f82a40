using System.Diagnostics;
using Vitrine.Tests.Boot;
using Xunit;

namespace Vitrine.Tests.Disks;

/// <summary>QEMU's tools for images, which say what an image is.</summary>
internal static class Qemu
{
    /// <summary>Skips the test where they are not installed.</summary>
    public static void Require() => Assert.SkipWhen(HostProgram.Find("qemu-img") is null, "qemu-img is not installed (Debian's package qemu-utils).");

    /// <summary>A qemu-io that has an image open.</summary>
    public sealed class Holder : IDisposable
    {
        private readonly Process _process;

        public Holder(string options, string format, string path)
        {
            _process = Process.Start(new ProcessStartInfo(HostProgram.Find("qemu-io")!, $"{options} -f {format} {path}")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;

            // It prompts when it has opened the image.
            char[] prompt = new char[8];
            int length = 0;
            while (length < prompt.Length && _process.StandardOutput.Read(prompt, length, prompt.Length - length) is > 0 and int count) length += count;
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
