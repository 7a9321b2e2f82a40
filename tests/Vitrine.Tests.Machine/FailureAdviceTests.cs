using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Run;
using Xunit;

namespace Vitrine.Tests.Machine;

/// <summary>What is advised where KVM's emulator doesn't know an instruction: a model without its feature, where there is one.</summary>
public sealed class FailureAdviceTests
{
    private const uint Emulation = 1;

    // The features' levels: x86-64 psABI, "Micro-Architecture Levels". INT3, HLT and FXSAVE are in every x86-64 processor.
    [Theory]
    [InlineData("CC", null)]
    [InlineData("F4", null)]
    [InlineData("0FAE00", null)]
    [InlineData("0F58C1", null)] // addps
    [InlineData("F30FB8C1", "x86-64-v1")] // popcnt
    [InlineData("660F38DCC1", "x86-64-v1")] // aesenc
    [InlineData("C5FD58C1", "x86-64-v2")] // vaddpd
    [InlineData("C4E270F2C1", "x86-64-v2")] // andn
    [InlineData("660F38F6C1", "x86-64-v3")] // adcx
    public void AModelWithoutTheFeatureIsAdvisedWhereThereIsOne(string bytes, string? model)
    {
        Decoder decoder = Decoder.Create(64, Convert.FromHexString(bytes));
        VmExit exit = new() { Reason = VmExitReason.InternalError, Suberror = Emulation };
        string text = FailureAdvice.Explain("kvm", ref exit, decoder.Decode(), out EndAdvice? advice);
        Assert.Contains("the software CPU", text, StringComparison.Ordinal);
        if (model is null) Assert.DoesNotContain("the CPU model", text, StringComparison.Ordinal);
        else Assert.Contains($"the CPU model {model} ", text, StringComparison.Ordinal);
        Assert.Equal(new EndAdvice { Accelerator = AcceleratorChoice.Soft, CpuModel = model }, advice);
    }
}
