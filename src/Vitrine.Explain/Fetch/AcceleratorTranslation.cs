using Vitrine.Explain.Model;
using Vitrine.X86;

namespace Vitrine.Explain.Fetch;

/// <summary>What the accelerator that runs a machine does with an address, beside what the guest's tables say.</summary>
internal static class AcceleratorTranslation
{
    /// <summary>Adds what the accelerator itself has to say of an address.</summary>
    public static TranslationStory Add(VirtualMachine machine, TranslationStory story, bool isFetch, int vcpu)
    {
        if (machine.GetMmu(vcpu) is { } mmu) return story with { Mmu = SoftwareMmuExplanation.Before(mmu, story) };
        if (machine.Accelerator != "kvm") return story;
        return story with { Kvm = AskKvm(machine, story, vcpu), Mmu = KvmMmuExplanation.Of(KvmMmu.OfThisHost(), story, isFetch) };
    }

    // KVM_TRANSLATE looks at the guest's tables but not at rights: a walk that ends in a protection fault has an address all the same.
    private static KvmTranslation AskKvm(VirtualMachine machine, TranslationStory story, int vcpu)
    {
        bool valid = machine.TryTranslate(vcpu, new Gva(story.Linear), out Gpa gpa);
        bool agrees = story.Gpa is { } expected ? valid && gpa.Value == expected : !valid || story.PageFaultErrorCode is > 0;
        return new KvmTranslation(valid, valid ? gpa.Value : 0, agrees);
    }
}
